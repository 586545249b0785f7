public import Linux
public import OCISpec

extension Arguments {
  /// The configuration that `run --rootfs` asks for: the default one as changed by the options.
  ///
  /// `directory` is the absolute path that relative paths are below, `isTerminal` whether the
  /// caller sits at one.
  public func quickSpec(
    from standard: Spec, rootfs: String, directory: String
  ) throws(RuntimeError) -> Spec {
    var spec = standard
    spec.root = Spec.Root(path: Self.absolute(rootfs, below: directory), readonly: has(.readOnly))
    if var process = spec.process {
      process.args = Array(operands.dropFirst())
      process.terminal = has(.tty)
      EnvironmentVariables.set(try environment(), in: &process.env)
      spec.process = process
    }
    for text in all(.volume) {
      guard let volume = VolumeSpecification(text) else {
        throw invalid(.volume, text, "absolute paths SRC:DST, SRC:DST:ro or SRC:DST:rw")
      }
      spec.mounts.append(volume.mount)
    }
    try limit(&spec)
    return spec
  }

  /// Fails when an option was given that only means something together with `--rootfs`.
  public func checkRootfsOptions() throws(RuntimeError) {
    if isGiven(.rootfs) {
      for name in [OptionName.bundle, .config] where isGiven(name) {
        throw RuntimeError(
          "run: --rootfs and --\(name.rawValue) exclude each other", advice: "leave out one of them"
        )
      }
      return
    }
    for name in [OptionName.readOnly, .volume, .env, .memory, .cpus, .pids, .tty]
    where isGiven(name) {
      throw RuntimeError(
        "run: --\(name.rawValue) needs --rootfs",
        advice: "a bundle says the same in its config.json")
    }
  }

  private func limit(_ spec: inout Spec) throws(RuntimeError) {
    var resources = spec.linux.resources ?? Spec.Linux.Resources()
    if let size = try parsed(.memory, as: "a size such as 256m", { Quantity.bytes($0) }) {
      resources.memory = Spec.Linux.Resources.Memory(limit: size)
    }
    if let quota = try cpuQuotaOfProcessors() {
      resources.cpu = Spec.Linux.Resources.CPU(quota: quota, period: 100_000)
    }
    if let pids = try integer(.pids, in: 1...Int64.max) {
      resources.pids = Spec.Linux.Resources.Pids(limit: pids)
    }
    if resources != spec.linux.resources ?? Spec.Linux.Resources() {
      spec.linux.resources = resources
    }
  }

  /// The path as an absolute one, below the directory when it is relative.
  public static func absolute(_ path: String, below directory: String) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return path }
    return directory == "/" ? "/" + path : directory + "/" + path
  }
}
