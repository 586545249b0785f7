public import CLinux

extension FileDescriptor {
  /// Opens a trusted host path; O_CLOEXEC is always set.
  public static func open(
    _ path: String, _ flags: CInt, mode: mode_t = 0,
    at directory: DirectoryReference = .workingDirectory
  ) throws(SystemError) -> FileDescriptor {
    FileDescriptor(
      owning: try system("open", path) {
        unsafe cl_openat(directory.rawValue, path, flags | O_CLOEXEC, mode)
      })
  }

  /// How `openat2` walks a path.
  public struct Resolution: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The directory is the root: absolute symlinks and `..` end in it.
    public static let inRoot = Resolution(rawValue: UInt64(RESOLVE_IN_ROOT))
    /// Anything that leads out of the directory is an error.
    public static let beneath = Resolution(rawValue: UInt64(RESOLVE_BENEATH))
    public static let noSymlinks = Resolution(rawValue: UInt64(RESOLVE_NO_SYMLINKS))
    public static let noMagicLinks = Resolution(rawValue: UInt64(RESOLVE_NO_MAGICLINKS))
    public static let noMountCrossing = Resolution(rawValue: UInt64(RESOLVE_NO_XDEV))
  }

  /// Opens a path that somebody else may control, below `self`; O_CLOEXEC is always set.
  ///
  /// EAGAIN (a rename raced with the walk) is retried a bounded number of times, as openat2(2)
  /// advises; then it is an error.
  public func open(
    _ path: String, _ flags: CInt, mode: mode_t = 0, resolve: Resolution
  ) throws(SystemError) -> FileDescriptor {
    try FileDescriptor.open(
      path, flags, mode: mode, at: DirectoryReference(self), resolve: resolve)
  }

  /// As the method, below a directory that somebody else owns the descriptor of.
  public static func open(
    _ path: String, _ flags: CInt, mode: mode_t = 0, at directory: DirectoryReference,
    resolve: Resolution
  ) throws(SystemError) -> FileDescriptor {
    var attempts = 0
    while true {
      let result = unsafe cl_openat2(
        directory.rawValue, path, UInt64(UInt32(bitPattern: flags | O_CLOEXEC)), UInt64(mode),
        resolve.rawValue)
      if result >= 0 { return FileDescriptor(owning: result) }
      attempts += 1
      if result == -EINTR || (result == -EAGAIN && attempts < 128) { continue }
      throw SystemError(-result, "openat2", path)
    }
  }
}
