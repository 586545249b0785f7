import CLinux
import GuestProtocol
import Linux
import OCISpec

@testable import GuestSession

/// An agent on this machine, a bundle for it, and the host's side of its sessions.
final class TestGuest {
  let directory: String
  private let pid: pid_t
  private let pidfd: FileDescriptor
  private let lifeline: Pipe

  init() throws {
    // What the host's side demands of its program.
    _ = cl_ignore_signal(SIGPIPE)
    var template = Array("/tmp/guest-agent-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(EIO, "mkdtemp") }
    directory = String(
      decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try Self.makeRootfs(directory + "/rootfs")
    lifeline = try Pipe()
    let ready = try Pipe()
    let path = Self.runner()
    let arguments = CStringArray([path, directory])
    let environment = CStringArray([])
    let (input, output) = (lifeline.reader.rawValue, ready.writer.rawValue)
    var descriptor: CInt = -1
    // This process has threads: behind the clone there are system calls alone.
    pid = cl_clone3(0, &descriptor, -1)
    if pid == 0 {
      _ = cl_dup2(input, 0)
      _ = cl_dup2(output, 1)
      cl_reset_signals()
      _ = cl_close_range(3, ~0, UInt32(CL_CLOSE_RANGE_CLOEXEC))
      _ = cl_execve(arguments.pointer[0]!, arguments.pointer, environment.pointer)
      cl_exit(127)
    }
    if pid < 0 { throw SystemError(-pid, "clone3", path) }
    pidfd = FileDescriptor(owning: descriptor)
    lifeline.reader.close()
    ready.writer.close()
    var byte: UInt8 = 0
    guard cl_read(ready.reader.rawValue, &byte, 1) == 1 else {
      throw SystemError(ECHILD, "start", path)
    }
  }

  deinit {
    end()
    var status: CInt = 0
    _ = cl_waitpid(pid, &status, 0)
    Self.removeAll(directory)
    removeCgroups()
  }

  /// The cgroup below which the container's was, in whichever hierarchies there are.
  private func removeCgroups() {
    let (root, name) = ("/sys/fs/cgroup", String(directory.dropFirst("/tmp/".count)))
    let hierarchies = (try? FileDescriptor.open(root, O_RDONLY | O_DIRECTORY).entries()) ?? []
    for parent in [root] + hierarchies.map({ root + "/" + $0 }) {
      _ = cl_unlinkat(AT_FDCWD, parent + "/" + name, AT_REMOVEDIR)
    }
  }

  /// Lets go of the agent: true when it and all its sessions have ended within the time.
  @discardableResult
  func end() -> Bool {
    lifeline.writer.close()
    var polled = pollfd(fd: pidfd.rawValue, events: Int16(POLLIN), revents: 0)
    if cl_poll(&polled, 1, 20_000) > 0 { return true }
    _ = cl_pidfd_send_signal(pidfd.rawValue, SIGKILL)
    return false
  }

  /// Beside the program that runs the tests.
  private static func runner() -> String {
    let own = (try? File.readLink("/proc/self/exe")) ?? ""
    let named = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? own
    let build = named.split(separator: "/").dropLast().joined(separator: "/")
    return "/\(build)/GuestAgentRunner"
  }

  private static func makeRootfs(_ path: String) throws {
    for name in ["bin", "proc", "dev", "sys", "tmp"] {
      try File.makeDirectories(path + "/" + name)
    }
    let target = try FileDescriptor.open(
      path + "/bin/busybox", O_WRONLY | O_CREAT, mode: 0o755)
    try target.writeAll(try File.read("/bin/busybox", limit: 16 << 20))
    for applet in ["sh", "cat", "sleep", "head", "yes", "stty", "tty", "tr", "rm"] {
      _ = cl_symlinkat("busybox", AT_FDCWD, path + "/bin/" + applet)
    }
  }

  private static func removeAll(_ path: String) {
    guard let opened = try? FileDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
      let names = try? opened.entries()
    else { return }
    for name in names where cl_unlinkat(AT_FDCWD, path + "/" + name, 0) != 0 {
      removeAll(path + "/" + name)
    }
    _ = cl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
  }

  // MARK: - Sessions

  func connect(_ port: UInt32) throws(SystemError) -> FileDescriptor {
    try FileDescriptor.connectUnix("\(directory)/\(port)")
  }

  /// A request for `sh -c SCRIPT` as the container's first process.
  func request(_ script: String, _ change: (inout Spec) -> Void = { _ in }) -> CreateRequest {
    var spec = Spec.standard()
    spec.root = Spec.Root(path: directory + "/rootfs", readonly: false)
    spec.process?.args = ["/bin/sh", "-c", script]
    spec.process?.terminal = false
    change(&spec)
    var request = CreateRequest()
    request.id = "c"
    request.bundle = "/elsewhere"
    request.spec = String(decoding: spec.encoded(), as: UTF8.self)
    request.startsAtOnce = true
    return request
  }

  func execRequest(_ arguments: [String], terminal: Bool = false) -> ExecRequest {
    var process = Spec.standard().process ?? Spec.Process(cwd: "/")
    process.terminal = terminal
    process.args = arguments
    var request = ExecRequest()
    request.process = String(decoding: process.encoded(), as: UTF8.self)
    return request
  }

  func ask(_ message: HostMessage) throws -> GuestMessage {
    try GuestRequest.perform(
      message, connect: { (port) throws(SystemError) in try self.connect(port) })
  }
}

/// One session and its streams, which are pipes and files of the test.
final class TestProcess {
  let session: GuestSession
  /// Writes to the process's standard input.
  let input: Pipe
  private let output: String
  private let error: String
  private(set) var pid: pid_t = 0
  private(set) var warnings: [String] = []

  init(_ guest: TestGuest) throws {
    input = try Pipe()
    let name = "\(guest.directory)/\(input.writer.rawValue)"
    output = name + ".out"
    error = name + ".err"
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    session = GuestSession(
      connect: { (port) throws(SystemError) in try guest.connect(port) }, terminal: false,
      stdio: (
        try (input.reader.take() ?? FileDescriptor.open("/dev/null", O_RDONLY)).release(),
        try FileDescriptor.open(output, flags, mode: 0o600).release(),
        try FileDescriptor.open(error, flags, mode: 0o600).release()
      ))
  }

  var out: String { (try? File.readText(output, limit: 64 << 20)) ?? "" }
  var err: String { (try? File.readText(error, limit: 64 << 20)) ?? "" }

  /// The next event that is no warning.
  func next() throws -> GuestSession.Event {
    while true {
      switch try session.next(timeout: 20_000) {
      case .warning(let text): warnings.append(text)
      case .created(let created):
        pid = created
        return .created(pid: created)
      case let event: return event
      }
    }
  }

  func create(_ request: CreateRequest) throws {
    try session.create(HostMessage.create(request).payload())
  }

  /// Brings the process to where it executes its program.
  func start() throws {
    let event = try next()
    guard case .created = event else { throw Unexpected(description: "\(event)") }
    try session.start()
    let started = try next()
    guard started == .started else { throw Unexpected(description: "\(started)") }
  }

  func endInput() { input.writer.close() }

  struct Unexpected: Error, CustomStringConvertible {
    let description: String
  }
}
