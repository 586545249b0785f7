internal import CLinux
public import Linux
public import OCISpec

/// A bundle: the directory, its configuration, and the configuration's bytes as they were read.
public struct Bundle: Sendable {
  /// Absolute, symbolic links resolved.
  public let path: String
  public let configuration: [UInt8]
  public var spec: Spec
  /// Absolute path of the root file system.
  public let rootfs: String

  /// The largest config.json that is read.
  static let configurationLimit = 16 << 20

  /// Reads and validates `config.json` (or `config`, relative to the bundle) of the bundle at
  /// `path`.
  public init(path: String, config: String = "config.json") throws(RuntimeError) {
    let directory: SharedDescriptor
    do {
      directory = SharedDescriptor(try FileDescriptor.open(path, O_PATH | O_DIRECTORY))
    } catch {
      throw RuntimeError(
        "bundle \(path): \(error.reason)",
        advice: "--bundle names a directory that holds config.json and the root file system")
    }
    let absolute = try step("bundle \(path)") { () throws(SystemError) in
      try File.readLink("/proc/self/fd/\(String(decimal: Int(directory.rawValue)))")
    }
    let bytes: [UInt8]
    do {
      bytes = try File.read(
        config, limit: Self.configurationLimit, at: DirectoryReference(rawValue: directory.rawValue)
      )
    } catch {
      throw RuntimeError(
        error.errno == ENOENT
          ? "config \(absolute)/\(config) does not exist"
          : "config \(absolute)/\(config): \(error.reason)",
        advice: error.errno == ENOENT ? "write one with: swrun spec" : nil)
    }
    try self.init(absolute, bytes, try Self.parse(bytes))
  }

  /// A bundle made on the fly: `rootfs` itself is the directory, and nothing is written to it.
  public init(rootfs: String, spec: Spec) throws(RuntimeError) {
    let path: String
    do {
      let directory = try FileDescriptor.open(rootfs, O_PATH | O_DIRECTORY)
      path = try File.readLink("/proc/self/fd/\(String(decimal: Int(directory.rawValue)))")
    } catch {
      throw RuntimeError("--rootfs \(rootfs): \(error.reason)")
    }
    var spec = spec
    spec.root = Spec.Root(path: path, readonly: spec.root?.readonly ?? false)
    do { try spec.validate() } catch { throw RuntimeError(error.description) }
    try self.init(path, spec.encoded(), spec)
  }

  /// A bundle whose configuration was sent here; its directory, at `path` of another machine, is
  /// only told of.
  public init(path: String, configuration: [UInt8]) throws(RuntimeError) {
    try self.init(path, configuration, try Self.parse(configuration))
  }

  private init(_ path: String, _ bytes: [UInt8], _ spec: Spec) throws(RuntimeError) {
    guard let root = spec.root else {
      throw RuntimeError("config.json: root: is missing", advice: "root.path names the rootfs")
    }
    self.path = path
    configuration = bytes
    self.spec = spec
    rootfs = root.path.hasPrefix("/") ? root.path : path + "/" + root.path
    var status = stat()
    let result = unsafe cl_fstatat(AT_FDCWD, rootfs, &status, 0)
    if result < 0 || status.st_mode & mode_t(S_IFMT) != mode_t(S_IFDIR) {
      throw RuntimeError(
        "root.path: rootfs \(rootfs): \(SystemError.reason(result < 0 ? -result : ENOTDIR))",
        advice: "root.path is relative to the bundle \(path)")
    }
  }

  /// The configuration as values, with `config.json:LINE: PATH: REASON` as the error.
  static func parse(_ bytes: [UInt8]) throws(RuntimeError) -> Spec {
    do {
      let spec = try Spec(parsing: bytes, file: "config.json")
      try spec.validate()
      return spec
    } catch {
      throw RuntimeError(error.description)
    }
  }
}
