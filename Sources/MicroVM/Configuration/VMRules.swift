internal import Isolation
internal import Linux
internal import OCISpec

/// What a configuration can ask of a container but not of a virtual machine; each is an error that
/// names the field, before anything is made.
enum VMRules {
  static func check(_ spec: Spec, _ options: CreateOptions) throws(RuntimeError) {
    try checkNamespaces(spec.linux.namespaces)
    try checkMounts(spec.mounts)
    if options.preserveFDs > 0 {
      throw RuntimeError(
        "--preserve-fds=\(options.preserveFDs): descriptors of the host cannot be passed into a VM",
        advice: "share a directory or a file by a bind mount, or run it with --container")
    }
    if let path = spec.linux.seccomp?.listenerPath {
      throw RuntimeError(
        "linux.seccomp.listenerPath: \(path): an agent on the host cannot serve a guest's kernel",
        advice: "leave SCMP_ACT_NOTIFY out, or run it with --container")
    }
    if spec.linux.intelRdt != nil {
      throw RuntimeError("linux.intelRdt: not supported in a VM")
    }
    if let name = spec.linux.netDevices.keys.sorted().first {
      throw RuntimeError(
        "linux.netDevices.\(name): a device of the host cannot be moved into a VM",
        advice: "leave it out, or run it with --container")
    }
    try checkVMSection(spec.vm)
  }

  private static func checkNamespaces(
    _ namespaces: [Spec.Linux.Namespace]
  ) throws(RuntimeError) {
    for (index, namespace) in namespaces.enumerated() {
      guard let path = namespace.path else { continue }
      throw RuntimeError(
        "linux.namespaces[\(index)].path: \(path): a VM cannot join a"
          + " \(namespace.type.rawValue) namespace of the host",
        advice: namespace.type == .network
          ? "VMs have no network yet: use --network none, or run it with --container"
          : "leave the path out, or run it with --container")
    }
    if !namespaces.contains(where: { $0.type == .network }) {
      throw RuntimeError(
        "linux.namespaces: without a network namespace the container would have the host's network,"
          + " which a VM cannot share",
        advice: "add {\"type\": \"network\"}, or run it with --container")
    }
  }

  /// File systems that the guest's kernel makes by itself.
  private static let guestTypes: Set<String> = [
    "proc", "sysfs", "tmpfs", "ramfs", "devpts", "mqueue", "cgroup", "cgroup2", "bind", "none",
    "hugetlbfs", "securityfs", "debugfs", "tracefs", "bpf", "binfmt_misc",
  ]

  private static func checkMounts(_ mounts: [Spec.Mount]) throws(RuntimeError) {
    for (index, mount) in mounts.enumerated() {
      let name = "mounts[\(index)]"
      if let type = mount.type, !guestTypes.contains(type) {
        throw RuntimeError(
          "\(name).type: \(type): its source is the host's, which a VM has not",
          advice: "mount it on the host and name it as a bind mount")
      }
      let isMapped =
        !mount.uidMappings.isEmpty || !mount.gidMappings.isEmpty
        || mount.options.contains { option in
          ["idmap", "ridmap"].contains { option == $0 || option.hasPrefix($0 + "=") }
        }
      if isMapped {
        throw RuntimeError(
          "\(name): id-mapped mounts are not supported in a VM: virtiofs has none",
          advice: "run it with --container")
      }
    }
  }

  private static func checkVMSection(_ vm: Spec.VM?) throws(RuntimeError) {
    guard let vm else { return }
    if let path = vm.hypervisor.path {
      throw RuntimeError(
        "vm.hypervisor.path: \(path): swrun brings its own virtual machine monitor",
        advice: "leave it out; --engine chooses between kvm and qemu")
    }
    if let parameter = vm.hypervisor.parameters.first {
      throw RuntimeError("vm.hypervisor.parameters[0]: \(parameter): there are none to give")
    }
    if let path = vm.image.path {
      throw RuntimeError(
        "vm.image.path: \(path): a VM's root file system is root.path, over virtio-fs")
    }
    if let initrd = vm.kernel.initrd {
      throw RuntimeError(
        "vm.kernel.initrd: \(initrd): swrun makes the initramfs itself, with its agent in it")
    }
    guard let hardware = vm.hwConfig else { return }
    if let tree = hardware.deviceTree {
      throw RuntimeError("vm.hwConfig.deviceTree: \(tree): x86 machines have none")
    }
    for (name, isEmpty) in [
      ("dtdevs", hardware.dtdevs.isEmpty), ("iomems", hardware.iomems.isEmpty),
      ("irqs", hardware.irqs.isEmpty),
    ] where !isEmpty {
      throw RuntimeError("vm.hwConfig.\(name): devices of the host are not passed through")
    }
  }
}
