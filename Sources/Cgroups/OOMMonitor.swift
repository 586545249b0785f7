internal import CLinux
public import Linux

/// Tells when the kernel's OOM killer strikes in a cgroup, by a descriptor to poll.
///
/// v2 does not wake for the removal of a cgroup: poll the pidfd of the container's init as well.
public struct OOMMonitor: ~Copyable {
  /// What `next` found.
  public enum Event: Sendable, Equatable {
    /// Processes were killed, or, on v1 with the killer disabled, stopped for want of memory.
    case oom
    /// The cgroup is gone: nothing will come any more.
    case removed
  }

  /// To be polled for `events`.
  public let descriptor: FileDescriptor
  /// POLLIN on v1, POLLPRI on v2.
  public let events: Int16

  private let version: CgroupVersion
  /// v1: memory.oom_control, which the notification belongs to. v2: nil, `descriptor` itself is
  /// memory.events.
  private let control: CInt
  private let path: String
  private var killed: UInt64 = 0

  /// Starts watching; OOMs of the past are not told of.
  public init(_ cgroup: borrowing Cgroup) throws(RuntimeError) {
    guard let home = try cgroup.home(of: "memory") else {
      throw RuntimeError(
        "cgroup: the container has no memory controller", advice: "OOM events need one")
    }
    let what = "cgroup \(home.path)"
    let opened: (descriptor: CInt, control: CInt, killed: UInt64)
    do throws(SystemError) {
      opened = home.version == .v2 ? try Self.openUnified(home) : try Self.openLegacy(home)
    } catch {
      throw RuntimeError(what, error)
    }
    path = home.path
    version = home.version
    events = Int16(home.version == .v2 ? POLLPRI : POLLIN)
    descriptor = FileDescriptor(owning: opened.descriptor)
    control = opened.control
    killed = opened.killed
  }

  private static func openUnified(
    _ home: CgroupDirectory
  ) throws(SystemError) -> (descriptor: CInt, control: CInt, killed: UInt64) {
    let file = try FileDescriptor.open("memory.events", O_RDONLY, at: home.reference)
    // This first reading also makes later changes wake the poll.
    let killed = try count(file) ?? 0
    return (file.release(), -1, killed)
  }

  private static func openLegacy(
    _ home: CgroupDirectory
  ) throws(SystemError) -> (descriptor: CInt, control: CInt, killed: UInt64) {
    let control = try FileDescriptor.open("memory.oom_control", O_RDONLY, at: home.reference)
    let event = FileDescriptor(owning: try system("eventfd") { cl_eventfd(0) })
    try home.write("cgroup.event_control", "\(event.rawValue) \(control.rawValue)")
    return (event.release(), control.release(), 0)
  }

  deinit { if control >= 0 { _ = cl_close(control) } }

  /// What happened since the last call; nil when nothing did.
  public mutating func next() throws(RuntimeError) -> Event? {
    if version == .v2 {
      let read = try step("cgroup \(path)") { () throws(SystemError) in
        try OOMMonitor.count(descriptor)
      }
      guard let now = read else { return .removed }
      defer { killed = now }
      return now > killed ? .oom : nil
    }
    var counter: UInt64 = 0
    let result = unsafe withUnsafeMutableBytes(of: &counter) {
      unsafe cl_read(descriptor.rawValue, $0.baseAddress, $0.count)
    }
    if result == -Int(EAGAIN) { return nil }
    if result < 0 {
      throw RuntimeError("cgroup \(path)", SystemError(CInt(-result), "read", "eventfd"))
    }
    // The kernel also signals when the cgroup is removed: then its files cannot be read.
    var byte: UInt8 = 0
    let readable = unsafe cl_pread(control, &byte, 1, 0)
    return readable < 0 ? .removed : .oom
  }

  /// The processes killed so far; nil when the cgroup is gone.
  private static func count(_ file: borrowing FileDescriptor) throws(SystemError) -> UInt64? {
    var bytes = [UInt8](repeating: 0, count: 1024)
    let result = unsafe bytes.withUnsafeMutableBytes {
      unsafe cl_pread(file.rawValue, $0.baseAddress, $0.count, 0)
    }
    if result == -Int(ENODEV) { return nil }
    if result < 0 { throw SystemError(CInt(-result), "read", "memory.events") }
    return Cgroup.value(of: "oom_kill", in: String(decoding: bytes[..<result], as: UTF8.self)) ?? 0
  }
}
