internal import CLinux
internal import Cgroups
internal import CommandLineInterface
internal import Containers
internal import Isolation
internal import Linux
internal import MicroVM

extension Swrun {
  /// The lifecycle over the state directory that the command line names.
  static func lifecycle(_ arguments: Arguments) -> Lifecycle {
    let store = StateStore(root: arguments[.root], environment: Environment.value)
    let warn: (String) -> Void = { Log.warning($0) }
    let container = ContainerBackend(
      cacheDirectory: store.root + "/.seccomp", rootless: isRootless(arguments), warn: warn)
    let machine = MicroVMBackend(stateRoot: store.root, warn: warn)
    return Lifecycle(store: store, backends: [container, machine], warn: warn)
  }

  /// What `--rootless` says; by itself a user without privileges is rootless.
  private static func isRootless(_ arguments: Arguments) -> Bool {
    switch arguments[.rootless] {
    case "true": true
    case "false": false
    default: geteuid() != 0
    }
  }

  static func containerID(_ arguments: Arguments) throws(RuntimeError) -> ContainerID {
    try ContainerID(arguments.id)
  }

  /// The containers that ID names: itself, or with `--regex` those that it matches.
  static func containers(
    _ arguments: Arguments, _ lifecycle: Lifecycle
  ) throws(RuntimeError) -> [ContainerID] {
    guard arguments.has(.regex) else { return [try containerID(arguments)] }
    let pattern = try Pattern(arguments.id)
    return try lifecycle.store.list().filter { pattern.matches($0.value) }
  }

  /// The value of `--cgroup-manager`, which runc calls `--systemd-cgroup`.
  static func cgroupManager(_ arguments: Arguments) throws(RuntimeError) -> String {
    let named = arguments[.cgroupManager]
    guard arguments.has(.systemdCgroup) else {
      return named ?? CgroupManager.cgroupfs.rawValue
    }
    if let named, named != CgroupManager.systemd.rawValue {
      throw RuntimeError("--systemd-cgroup and --cgroup-manager=\(named) exclude each other")
    }
    return CgroupManager.systemd.rawValue
  }

  /// The file, or standard input for `-`.
  static func contents(of file: String, option: OptionName) throws(RuntimeError) -> [UInt8] {
    try step("--\(option.rawValue) \(file)") { () throws(SystemError) in
      if file != "-" { return try File.read(file, limit: 16 << 20) }
      return try FileDescriptor(owning: try system("dup") { cl_dup(0) })
        .readAll(limit: 16 << 20, "standard input")
    }
  }
}

/// A POSIX extended regular expression, as `--regex` of crun takes it.
@safe struct Pattern: ~Copyable {
  private var compiled: regex_t

  init(_ text: String) throws(RuntimeError) {
    unsafe compiled = regex_t()
    if unsafe cl_regex_compile(&compiled, text) != 0 {
      throw RuntimeError("--regex: \"\(text)\" is not a regular expression")
    }
  }

  borrowing func matches(_ text: String) -> Bool {
    var compiled = unsafe compiled
    return unsafe cl_regex_matches(&compiled, text)
  }

  deinit {
    var compiled = unsafe compiled
    unsafe cl_regex_free(&compiled)
  }
}
