internal import CLinux
internal import JSON
internal import Linux
internal import OCISpec

/// Makes the container's file system in the process that is going to live in it.
///
/// The order: `mountAll` while the host's files are still there, `openConsole` where there is a
/// terminal, the hooks, `enter`, `finish`. The new root lies on top of the old one until `enter`,
/// and is reached by descriptor only; absolute paths of this process still lead to the old root.
final class RootfsBuilder {
  let plan: RootfsPlan
  /// The container's directory in each hierarchy by the hierarchy's key, set before `mountAll`;
  /// empty when it stays in the cgroups of the caller.
  var cgroups: JSONTexts = [:]
  /// Returns when those directories exist and this process is in them.
  var beforeCgroups: () throws(RuntimeError) -> Void = {}

  /// The container's root directory.
  private(set) var rootDescriptor = SharedDescriptor.closed
  /// The container's /dev, resolved once (CVE-2026-41579).
  var devices = SharedDescriptor.closed
  /// The root of a proc that this process has mounted: no path led to it.
  var proc = SharedDescriptor.closed
  /// File systems that nobody else has seen yet: what is in them this process has made.
  var ownDirectories: [OwnDirectory] = []
  /// What becomes read-only once everything is in it.
  var lateReadOnly: [(name: String, descriptor: SharedDescriptor)] = []
  /// Sources of bind mounts that had to be cloned before the mount that they are on changed, by the
  /// index of their entry.
  var clonedSources: [Int: SharedDescriptor] = [:]
  var masks = Masks()
  private var umask: mode_t = 0o022

  struct OwnDirectory {
    let path: String
    let descriptor: SharedDescriptor
  }

  init(_ plan: RootfsPlan) { self.plan = plan }

  var root: RootDirectory { RootDirectory(descriptor: rootDescriptor.rawValue) }

  /// Mounts everything of the configuration below the new root, and makes the device nodes.
  func mountAll() throws(RuntimeError) {
    // Modes are exact here; `finish` gives the process its own again.
    umask = cl_umask(0)
    if plan.surroundings.hasMountNamespace {
      try RootPlacement(plan).place(self)
    } else {
      rootDescriptor = try step("root.path") { () throws(SystemError) in
        SharedDescriptor(try FileDescriptor.open(plan.path, O_PATH | O_DIRECTORY))
      }
    }
    for entry in plan.entries {
      do {
        try mount(entry)
      } catch {
        throw error.inside(entry.name)
      }
    }
    try DeviceNodes(self).make()
  }

  func adoptRoot(_ descriptor: consuming FileDescriptor) {
    rootDescriptor = SharedDescriptor(descriptor)
  }

  private func mount(_ entry: RootfsPlan.Entry) throws(RuntimeError) {
    switch entry.kind {
    case .bind(let source): try BindMount(self, entry, source: source).make()
    case .filesystem(let type, let source):
      try FilesystemMount(self, entry, type: type, source: source).make()
    case .cgroup(let type):
      try beforeCgroups()
      try CgroupMounts(self, entry, type: type).make()
    case .remount: try Remount(self, entry).make()
    }
  }

  /// The terminal of the container's process, on its own devpts, and as its /dev/console.
  func openConsole(_ process: Spec.Process) throws(RuntimeError) -> Console {
    let console = try Console(devices: devices.rawValue, process)
    if plan.surroundings.hasMountNamespace { try console.bind(devices: devices.rawValue) }
    return console
  }

  /// Closes what the process is not to change, and makes the new root its root.
  ///
  /// `workingDirectory` is made when it is missing, as runc and crun do it.
  func enter(workingDirectory: String) throws(RuntimeError) {
    try makeWorkingDirectory(workingDirectory)
    try Sysctls(plan.sysctls).write(proc: proc.rawValue)
    for late in lateReadOnly {
      try step(late.name) { () throws(SystemError) in
        try MountTree.change(late.descriptor.rawValue, set: .readOnly, "ro")
      }
    }
    try masks.apply(plan, root, devices: devices.rawValue)
    if plan.isReadOnly {
      try step("root.readonly") { () throws(SystemError) in
        try MountTree.change(rootDescriptor.rawValue, set: .readOnly, "/")
      }
    }
    try RootPlacement(plan).enter(rootDescriptor.rawValue)
  }

  private func makeWorkingDirectory(_ path: String) throws(RuntimeError) {
    let clean = RootPath.cleaned(path)
    if clean.isEmpty { return }
    do {
      _ = try root.open(clean)
    } catch {
      // What else is wrong with it is reported by the change into it.
      if error.errno != ENOENT { return }
      try step("process.cwd: \(path)") { () throws(SystemError) in
        _ = try root.make(clean, isDirectory: true)
      }
    }
  }

  /// What only the process inside can do, and its umask.
  func finish() throws(RuntimeError) {
    try RootPlacement(plan).setPropagation(rootDescriptor.rawValue)
    _ = cl_umask(umask)
  }
}
