internal import CLinux
internal import CommandLineInterface
internal import Isolation
internal import Linux
internal import OCISpec

extension Swrun {
  /// `create ID`: a container whose process waits for `start`.
  static func create(_ arguments: Arguments) throws(RuntimeError) {
    var bundle = try Bundle(arguments)
    let choice = try isolation(arguments, bundle)
    var options = try CreateOptions(arguments)
    try options.passListenFDs(to: &bundle.spec)
    options.detached = true
    try checkTerminal(of: bundle.spec.process, options.consoleSocket, detached: true)
    _ = try lifecycle(arguments).create(
      containerID(arguments), bundle, isolation: choice, options)
  }

  /// The backend that the options, the program's name or the bundle ask for.
  static func isolation(
    _ arguments: Arguments, _ bundle: Bundle
  ) throws(RuntimeError) -> IsolationChoice {
    var flags = Set<String>()
    if arguments.has(.container) { flags.insert("container") }
    if arguments.has(.vm) { flags.insert("vm") }
    if let name = arguments[.isolation] { flags.insert(name) }
    if flags.count > 1 {
      throw RuntimeError(
        "\(arguments.verb.rawValue): --container and --vm exclude each other",
        advice: "a container has one kind of isolation")
    }
    let program = Environment.words.first?.utf8.split(separator: UInt8(ascii: "/")).last
    return try IsolationChoice(
      flag: flags.first,
      programName: program.map { String(decoding: $0, as: UTF8.self) } ?? "swrun", id: arguments.id,
      bundle: bundle,
      policy: Policy(path: arguments[.policy] ?? Policy.defaultPath))
  }

  /// A terminal needs somebody who takes its other side, and a socket for one needs a terminal.
  static func checkTerminal(
    of process: Spec.Process?, _ consoleSocket: String?, detached: Bool
  ) throws(RuntimeError) {
    let terminal = process?.terminal ?? false
    if terminal && detached && consoleSocket == nil {
      throw RuntimeError(
        "cannot allocate tty if swrun will detach without setting console socket",
        advice: "use --console-socket, or set process.terminal to false")
    }
    if !terminal && consoleSocket != nil {
      throw RuntimeError(
        "cannot use console socket without a terminal",
        advice: "set process.terminal to true, or leave out --console-socket")
    }
  }
}

extension Bundle {
  /// The bundle of `--bundle` and `--config`, both below the working directory when relative.
  init(_ arguments: Arguments) throws(RuntimeError) {
    let path = arguments[.bundle] ?? "."
    if let config = arguments[.config] {
      try self.init(path: path, config: Arguments.absolute(config, below: workingDirectory()))
    } else {
      try self.init(path: path)
    }
  }
}

/// The absolute path of the working directory.
func workingDirectory() throws(RuntimeError) -> String {
  let path = try step("working directory") { () throws(SystemError) in
    try File.readLink("/proc/self/cwd")
  }
  return path
}

extension CreateOptions {
  /// What the options of create and run say, and the descriptors of LISTEN_FDS.
  init(_ arguments: Arguments) throws(RuntimeError) {
    self.init()
    pidFile = arguments[.pidFile]
    consoleSocket = arguments[.consoleSocket]
    pidfdSocket = arguments[.pidfdSocket]
    noPivot = arguments.has(.noPivot)
    engine = arguments[.engine]
    kernel = arguments[.kernel]
    noNewKeyring = arguments.has(.noNewKeyring)
    cgroupManager = try Swrun.cgroupManager(arguments)
    preserveFDs = try PassedDescriptors.asked(arguments)
    notifySocket = NotifySocket(environment: Environment.value)
  }

  /// Passes the sockets of systemd's protocol (sd_listen_fds(3)) on, as runc and crun do.
  mutating func passListenFDs(to spec: inout Spec) throws(RuntimeError) {
    let count = PassedDescriptors.listenFDs
    if count == 0 { return }
    preserveFDs += count
    spec.process?.env += ["LISTEN_FDS=\(count)", "LISTEN_PID=1"]
    if let names = Environment.value("LISTEN_FDNAMES") {
      spec.process?.env.append("LISTEN_FDNAMES=\(names)")
    }
  }
}

/// The descriptors from 3 on that a caller hands to the container.
enum PassedDescriptors {
  /// The number of `--preserve-fds`; those that are not open are left out, as crun does.
  static func asked(_ arguments: Arguments) throws(RuntimeError) -> Int {
    try arguments.integer(.preserveFDs, in: 0...65536) ?? 0
  }

  /// The number of LISTEN_FDS, unless LISTEN_PID says that it is meant for another process.
  ///
  /// runc and crun do not ask for LISTEN_PID at all, so callers leave it out.
  static var listenFDs: Int {
    if let pid = Environment.value("LISTEN_PID"), Int32(pid) != getpid() { return 0 }
    guard let count = Environment.value("LISTEN_FDS").flatMap({ Int($0) }), count > 0,
      count <= 65536
    else { return 0 }
    return count
  }
}
