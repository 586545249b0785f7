internal import Isolation
internal import Linux
internal import OCISpec

/// What a configuration must not ask for together, checked before anything is made.
enum LaunchRules {
  static func check(
    _ spec: Spec, _ namespaces: NamespacePlan, _ options: CreateOptions
  ) throws(RuntimeError) {
    guard namespaces.has(.mount) else {
      throw RuntimeError(
        "linux.namespaces: a mount namespace is needed",
        advice: "without one the container's mounts would be the host's")
    }
    if spec.hostname != nil && !namespaces.has(.uts) {
      throw RuntimeError(
        "hostname: \(spec.hostname ?? ""): unable to set hostname without a private UTS namespace")
    }
    if spec.domainname != nil && !namespaces.has(.uts) {
      throw RuntimeError("domainname: unable to set it without a private UTS namespace")
    }
    let mapped = !spec.linux.uidMappings.isEmpty || !spec.linux.gidMappings.isEmpty
    if mapped && !namespaces.has(.user) {
      throw RuntimeError(
        "linux.uidMappings: user namespace mappings specified, but there is no user namespace")
    }
    if namespaces.isNew(.user)
      && (spec.linux.uidMappings.isEmpty || spec.linux.gidMappings.isEmpty)
    {
      throw RuntimeError(
        "linux.namespaces: a new user namespace needs linux.uidMappings and linux.gidMappings")
    }
    if !spec.linux.timeOffsets.isEmpty && !namespaces.isNew(.time) {
      throw RuntimeError(
        "linux.timeOffsets: time offsets specified, but there is no new time namespace")
    }
    if let rdt = spec.linux.intelRdt, rdt != Spec.Linux.IntelRdt() {
      throw RuntimeError(
        "linux.intelRdt: this swrun cannot manage resctrl groups",
        advice: "remove linux.intelRdt from the configuration")
    }
    if let name = spec.linux.netDevices.keys.min() {
      throw RuntimeError(
        "linux.netDevices.\(name): this swrun does not move network devices",
        advice: "move it with a createRuntime hook")
    }
    if spec.linux.memoryPolicy != nil {
      throw RuntimeError(
        "linux.memoryPolicy: this swrun does not set a NUMA memory policy",
        advice: "remove linux.memoryPolicy from the configuration")
    }
    if options.consoleSocket != nil && spec.process?.terminal != true {
      throw RuntimeError(
        "--console-socket: cannot be used when the process has no terminal",
        advice: "set process.terminal")
    }
    if spec.process?.terminal == true && options.detached && options.consoleSocket == nil {
      throw RuntimeError(
        "cannot allocate tty if swrun will detach without setting console socket",
        advice: "give --console-socket, or run in the foreground")
    }
  }
}
