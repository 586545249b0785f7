internal import CLinux
internal import Linux

/// What a guest's kernel starts with: the agent as its first process, and the modules without which
/// it reaches neither its root file system nor its host.
enum Initramfs {
  /// The bus, the shares, the channel: without them there is no guest.
  static let requiredModules = ["virtio_mmio", "fuse", "virtiofs", "vmw_vsock_virtio_transport"]
  /// Without these a guest has less, and says so where it matters.
  static let optionalModules = ["virtio_rng", "virtio_console", "virtio_balloon", "overlay"]

  private static let largestFile = 256 << 20

  /// The archive for a kernel, open for reading; made once for each agent and set of modules.
  static func prepare(
    for kernel: GuestKernel, cache: CacheDirectory = .own
  ) throws(RuntimeError) -> SharedDescriptor {
    let agent = try Programs.open("swrun-guest")
    return try prepare(
      agent: agent.file, agentPath: agent.path, modules: kernel.modules, cache: cache)
  }

  static func prepare(
    agent: SharedDescriptor, agentPath: String, modules: ModuleDirectory?, cache: CacheDirectory
  ) throws(RuntimeError) -> SharedDescriptor {
    let files =
      try modules?.closure(required: requiredModules, optional: optionalModules) ?? []
    var parts = [modules?.version ?? ""]
    let status = try step(agentPath) { () throws(SystemError) in try agent.status() }
    parts.append(FileIdentity(status).text)
    for file in files {
      var status = stat()
      let path = (modules?.path ?? "") + "/" + file.path
      try step("module \(file.name)") { () throws(SystemError) in
        try system("stat", path) { unsafe cl_fstatat(AT_FDCWD, path, &status, 0) }
      }
      parts.append(file.path)
      parts.append(FileIdentity(status).text)
    }
    let name = "initramfs-\(CacheKey("initramfs 1", parts).digest)"
    let made = try cache.file(name) { () throws(RuntimeError) in
      try archive(agent, agentPath, files, in: modules?.path ?? "")
    }
    guard let made else { throw RuntimeError("initramfs: nothing was made") }
    return made
  }

  private static func archive(
    _ agent: SharedDescriptor, _ agentPath: String, _ modules: [ModuleFile], in directory: String
  ) throws(RuntimeError) -> [UInt8] {
    var archive = ArchiveWriter()
    for name in ["dev", "proc", "sys", "run", "modules"] { archive.directory(name) }
    // Open as the agent's standard descriptors before it mounts anything.
    archive.characterDevice("dev/console", mode: 0o600, major: 5, minor: 1)
    let program = try step(agentPath) { () throws(SystemError) in
      // Through its link: the descriptor's own position stays where it is.
      try File.read("/proc/self/fd/\(agent.rawValue)", limit: largestFile)
    }
    guard program.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      throw RuntimeError(
        "\(agentPath) is not a program", advice: "install swrun as a whole: hack/install")
    }
    archive.file("init", mode: 0o755, program)
    var order = ""
    for (index, module) in modules.enumerated() {
      let name = "\(String(1000 + index).dropFirst())-\(module.fileName)"
      let contents = try step("module \(module.name)") { () throws(SystemError) in
        try File.read(directory + "/" + module.path, limit: largestFile)
      }
      archive.file("modules/\(name)", contents)
      order += name + "\n"
    }
    archive.file("modules/order", Array(order.utf8))
    archive.finish()
    return archive.bytes
  }
}
