public import CLinux
public import Linux

/// The socket between the runtime and the container's first process until that executes.
///
/// Seqpacket: one message a step, and the end of either side ends the other's wait. The first
/// byte tells the kind; the rest is its content.
public struct LaunchChannel {
  public let socket: SharedDescriptor

  /// What the process tells the runtime.
  public enum Report {
    /// It failed: nothing more comes.
    case failed(RuntimeError)
    /// It has a new user namespace and waits for its id maps.
    case needsMappings
    /// The process that becomes the container's first, in the runtime's pid namespace.
    case process(pid_t)
    /// The mounts are made: the hooks of the runtime's side are due.
    case needsHooks
    /// The terminal's master side.
    case console(FileDescriptorNumber)
    /// The seccomp listener.
    case seccompListener(FileDescriptorNumber)
    /// All is set up: it waits to execute.
    case ready
    /// Something that is no failure but should be said.
    case warning(String)
    /// A step of its work has ended: a timing line of `--debug`.
    case step(String)
  }

  /// A descriptor that came with a message and is the receiver's to close.
  public typealias FileDescriptorNumber = CInt

  public init(socket: SharedDescriptor) { self.socket = socket }

  /// The longest message: a fault with a long path in it is cut.
  private static let limit = 16384

  public func send(_ report: Report) throws(SystemError) {
    switch report {
    case .failed(let error):
      var bytes: [UInt8] = [UInt8(ascii: "F"), UInt8(truncatingIfNeeded: error.exitCode)]
      bytes.append(contentsOf: error.message.utf8.prefix(8000))
      if let advice = error.advice {
        bytes.append(0)
        bytes.append(contentsOf: advice.utf8.prefix(4000))
      }
      try socketMessage(bytes)
    case .needsMappings: try word("M")
    case .process(let pid): try socketMessage([UInt8(ascii: "P")] + Array(String(pid).utf8))
    case .needsHooks: try word("H")
    case .console(let fd): try socketMessage([UInt8(ascii: "C")], [fd])
    case .seccompListener(let fd): try socketMessage([UInt8(ascii: "S")], [fd])
    case .ready: try word("R")
    case .warning(let text): try socketMessage([UInt8(ascii: "W")] + Array(text.utf8.prefix(8000)))
    case .step(let name): try socketMessage([UInt8(ascii: "T")] + Array(name.utf8.prefix(200)))
    }
  }

  /// The next report; nil when the other side executed its program, or ended.
  public func receive() throws(RuntimeError) -> Report? {
    let message = try step("container process") { () throws(SystemError) in
      try Self.receiveMessage(socket.rawValue)
    }
    guard let message, let kind = message.bytes.first else { return nil }
    let content = message.bytes.dropFirst()
    switch kind {
    case UInt8(ascii: "F"):
      guard let code = content.first else { break }
      let parts = content.dropFirst().split(separator: 0, maxSplits: 1)
      return .failed(
        RuntimeError(
          parts.first.map { String(decoding: $0, as: UTF8.self) } ?? "failed",
          advice: parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : nil,
          exitCode: CInt(code)))
    case UInt8(ascii: "M"): return .needsMappings
    case UInt8(ascii: "P"):
      guard let pid = pid_t(String(decoding: content, as: UTF8.self)) else { break }
      return .process(pid)
    case UInt8(ascii: "H"): return .needsHooks
    case UInt8(ascii: "C"):
      guard message.fds.count == 1 else { break }
      return .console(message.fds[0])
    case UInt8(ascii: "S"):
      guard message.fds.count == 1 else { break }
      return .seccompListener(message.fds[0])
    case UInt8(ascii: "R"): return .ready
    case UInt8(ascii: "W"): return .warning(String(decoding: content, as: UTF8.self))
    case UInt8(ascii: "T"): return .step(String(decoding: content, as: UTF8.self))
    default: break
    }
    for fd in message.fds { _ = cl_close(fd) }
    throw RuntimeError("container process: a message of kind \(kind) makes no sense")
  }

  /// Lets the other side go on.
  public func proceed() throws(SystemError) { try word("G") }

  /// Waits until the runtime lets this process go on; false when the runtime is gone.
  public func waitToProceed() throws(SystemError) -> Bool {
    // One byte, and so without the room that a report needs.
    var word: UInt8 = 0
    var count = 0
    return try unsafe Self.receive(socket.rawValue, &word, 1, nil, &count) > 0
  }

  /// A message of its kind alone: of no array, whose type would have to be made first.
  private func word(_ kind: Unicode.Scalar) throws(SystemError) {
    var byte = UInt8(ascii: kind)
    try system("sendmsg") { unsafe cl_send_fds(socket.rawValue, &byte, 1, nil, 0) }
  }

  private func socketMessage(_ bytes: [UInt8], _ fds: [CInt] = []) throws(SystemError) {
    try Self.sendMessage(socket.rawValue, bytes, fds)
  }

  public static func sendMessage(
    _ fd: CInt, _ bytes: [UInt8], _ fds: [CInt] = []
  ) throws(SystemError) {
    try system("sendmsg") {
      unsafe bytes.withUnsafeBytes {
        unsafe cl_send_fds(fd, $0.baseAddress!, $0.count, fds, fds.count)
      }
    }
  }

  public static func receiveMessage(
    _ fd: CInt
  ) throws(SystemError) -> (bytes: [UInt8], fds: [CInt])? {
    var bytes: [UInt8] = []
    var fds: [CInt] = []
    // No array of descriptors before there is one: its type would have to be made first.
    try unsafe withUnsafeTemporaryAllocation(of: CInt.self, capacity: Int(CL_MAX_PASSED_FDS)) {
      (passed) throws(SystemError) in
      try unsafe withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) {
        (buffer) throws(SystemError) in
        var count = passed.count
        let received = try unsafe Self.receive(
          fd, buffer.baseAddress!, buffer.count, passed.baseAddress!, &count)
        unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<received]))
        for index in 0..<count { unsafe fds.append(passed[index]) }
      }
    }
    return bytes.isEmpty && fds.isEmpty ? nil : (bytes, fds)
  }

  /// The next message's length, 0 at the end; `count` is the room for descriptors, then how many came.
  private static func receive(
    _ fd: CInt, _ bytes: UnsafeMutableRawPointer, _ length: Int,
    _ fds: UnsafeMutablePointer<CInt>?, _ count: inout Int
  ) throws(SystemError) -> Int {
    let room = count
    while true {
      count = room
      let received = unsafe cl_receive_fds(fd, bytes, length, fds, &count)
      // The peer ended with an unread message of ours. That is told once, before what the peer
      // said last, which is read next.
      if received == -Int(EINTR) || received == -Int(ECONNRESET) { continue }
      if received < 0 { throw SystemError(CInt(-received), "recvmsg") }
      return received
    }
  }
}
