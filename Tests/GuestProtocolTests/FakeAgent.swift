import CLinux
import GuestProtocol
import GuestSession
import Linux
import Testing

/// An agent at the other end of socket pairs, driven by the test in the same thread.
final class FakeAgent {
  private(set) var connections: [(port: UInt32, peer: SharedDescriptor)] = []
  private var reader = MessageReader<HostMessage>()
  /// The errors that the next connections end with.
  var refusal: SystemError?

  init() { _ = cl_ignore_signal(SIGPIPE) }

  var connector: GuestSession.Connector {
    { [self] port throws(SystemError) in
      if let refusal { throw refusal }
      let pair = try Self.pair()
      connections.append((port, pair.second))
      guard let end = pair.first.take() else { throw SystemError(EBADF, "pair") }
      return end
    }
  }

  private static func pair() throws(SystemError) -> StreamPair {
    do { return try StreamPair() } catch { throw SystemError(EMFILE, "socketpair") }
  }

  var control: CInt { connections[0].peer.rawValue }

  func send(_ message: GuestMessage) throws {
    try MessageWriter.send(message, to: control)
  }

  /// The next message of the host, which must be there.
  func receive() throws -> HostMessage {
    guard case .message(let message) = try reader.next(from: control) else {
      throw SystemError(ENOMSG, "receive")
    }
    return message
  }

  /// The stream with this index, once its first byte was read.
  func stream(_ index: Int) throws -> CInt {
    let peer = connections[1 + index].peer.rawValue
    #expect(connections[1 + index].port == 5000)
    #expect(try read(peer, 1) == [UInt8(index)])
    return peer
  }

  /// So many bytes, while the session copies.
  func wait(_ descriptor: CInt, _ count: Int, pumping session: GuestSession) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      #expect(try session.next(timeout: 1) == .timeout)
      guard let more = try read(descriptor) else { return bytes }
      bytes += more
    }
    return bytes
  }

  /// What can be read now; nil at the end.
  func read(_ descriptor: CInt, _ limit: Int = 1 << 16) throws -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = cl_recv(descriptor, &bytes, limit, true)
    if count == -Int(EAGAIN) { return [] }
    if count < 0 { throw SystemError(CInt(-count), "recv") }
    return count == 0 ? nil : Array(bytes[..<count])
  }
}

/// A session whose streams are pipes of the test.
final class Setting {
  let agent = FakeAgent()
  let session: GuestSession
  let input: SharedDescriptor
  let output: SharedDescriptor
  let error: SharedDescriptor

  init() throws {
    let (first, second, third) = (try Pipe(), try Pipe(), try Pipe())
    input = first.writer
    output = second.reader
    error = third.reader
    let numbers = (
      first.reader.take()!.release(), second.writer.take()!.release(),
      third.writer.take()!.release()
    )
    session = GuestSession(
      connect: agent.connector, terminal: false,
      stdio: (input: numbers.0, output: numbers.1, error: numbers.2))
    for reader in [output, error] {
      let flags = cl_fcntl(reader.rawValue, F_GETFL, 0)
      _ = cl_fcntl(reader.rawValue, F_SETFL, Int(flags | O_NONBLOCK))
    }
  }

  /// A session whose process runs.
  static func running() throws -> Setting {
    let setting = try Setting()
    try setting.session.exec(ExecRequest())
    _ = try setting.agent.receive()
    try setting.agent.send(.streams(port: 5000))
    try setting.agent.send(.created(pid: 9))
    #expect(try setting.session.next(timeout: 10_000) == .created(pid: 9))
    try setting.session.start()
    #expect(try setting.agent.receive() == .start)
    try setting.agent.send(.started)
    #expect(try setting.session.next(timeout: 10_000) == .started)
    return setting
  }

  /// One round of copying.
  func pump() throws { #expect(try session.next(timeout: 0) == .timeout) }

  /// What can be read of a pipe now; nil at the end.
  func read(_ pipe: SharedDescriptor, _ limit: Int = 1 << 16) throws -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: limit)
    let count = cl_read(pipe.rawValue, &bytes, limit)
    if count == -Int(EAGAIN) { return [] }
    if count < 0 { throw SystemError(CInt(-count), "read") }
    return count == 0 ? nil : Array(bytes[..<count])
  }
}
