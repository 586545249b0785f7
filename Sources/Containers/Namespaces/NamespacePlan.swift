internal import CLinux
internal import Linux
internal import OCISpec

/// Which namespaces a container gets new, and which it joins (config-linux.md, "Namespaces").
struct NamespacePlan {
  /// One that exists already, open.
  struct Join {
    let kind: Spec.Linux.Namespace.Kind
    let path: String
    let descriptor: SharedDescriptor
  }

  /// CLONE_NEW flags of all that are new.
  let new: CInt
  let joins: [Join]
  let timeOffsets: String

  /// Opens the namespaces that are joined and checks that each is one of its type.
  init(_ linux: Spec.Linux) throws(RuntimeError) {
    var new: CInt = 0
    var joins: [Join] = []
    for (index, namespace) in linux.namespaces.enumerated() {
      let flag = Self.flag(namespace.type)
      guard let path = namespace.path else {
        new |= flag
        continue
      }
      joins.append(
        Join(
          kind: namespace.type, path: path,
          descriptor: try Self.open(path, flag, "linux.namespaces[\(index)].path")))
    }
    self.new = new
    self.joins = joins
    var timeOffsets = ""
    for (clock, offset) in linux.timeOffsets.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      timeOffsets += "\(clock.rawValue) \(offset.secs) \(offset.nanosecs)\n"
    }
    self.timeOffsets = timeOffsets
  }

  static func flag(_ kind: Spec.Linux.Namespace.Kind) -> CInt {
    switch kind {
    case .pid: CLONE_NEWPID
    case .network: CLONE_NEWNET
    case .mount: CLONE_NEWNS
    case .ipc: CLONE_NEWIPC
    case .uts: CLONE_NEWUTS
    case .user: CLONE_NEWUSER
    case .cgroup: CLONE_NEWCGROUP
    case .time: CLONE_NEWTIME
    }
  }

  private static func open(
    _ path: String, _ flag: CInt, _ name: String
  ) throws(RuntimeError) -> SharedDescriptor {
    let descriptor = SharedDescriptor(
      try step(name, advice: "the namespace to join must exist") { () throws(SystemError) in
        try FileDescriptor.open(path, O_RDONLY)
      })
    // Asks the kernel for the type: nothing but a namespace answers.
    let type = cl_namespace_type(descriptor.rawValue)
    guard type == flag else {
      throw RuntimeError(
        type < 0
          ? "\(name): \(path) is no namespace" : "\(name): \(path) is a namespace of another type")
    }
    return descriptor
  }

  func isNew(_ kind: Spec.Linux.Namespace.Kind) -> Bool { new & Self.flag(kind) != 0 }
  func isJoined(_ kind: Spec.Linux.Namespace.Kind) -> Bool { joins.contains { $0.kind == kind } }
  /// New or joined: not the runtime's own.
  func has(_ kind: Spec.Linux.Namespace.Kind) -> Bool { isNew(kind) || isJoined(kind) }

  /// Whether a first process has to prepare what the container's process is born into: a pid or
  /// time namespace takes effect for children only, and what is made by clone belongs to the user
  /// namespace of its maker.
  var needsStage: Bool {
    isJoined(.user) || isJoined(.pid) || isNew(.time)
  }

  /// What clone3 makes for the container's process.
  var cloneFlags: CInt { new & ~(CLONE_NEWTIME | madeInside) }

  /// What the process makes for itself: the cgroup namespace, whose root is the cgroup that its
  /// maker is in at that moment; and what takes its time while the runtime has something else to
  /// do. With a user namespace that has to be so: message queues and the network's devices belong to
  /// their maker, who is root of the user namespace by then.
  var madeInside: CInt { new & (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET) }

  /// What a clone3 or unshare that made new namespaces failed for; nil for what has other causes.
  func failure(_ error: SystemError) -> RuntimeError? {
    switch error.errno {
    case EPERM where isNew(.user):
      RuntimeError(
        "linux.namespaces", error,
        advice: "user namespaces may be off: see /proc/sys/user/max_user_namespaces")
    case EPERM:
      RuntimeError(
        "linux.namespaces", error,
        advice: "without privileges a container needs a user namespace: swrun spec --rootless")
    case ENOSPC:
      RuntimeError(
        "linux.namespaces", error, advice: "a limit in /proc/sys/user/max_*_namespaces is reached")
    default: nil
    }
  }
}
