public import CLinux

extension stat {
  public var type: mode_t { st_mode & mode_t(S_IFMT) }
  public var isDirectory: Bool { type == mode_t(S_IFDIR) }
  public var isRegular: Bool { type == mode_t(S_IFREG) }
  public var isSymbolicLink: Bool { type == mode_t(S_IFLNK) }
  public var isCharacterDevice: Bool { type == mode_t(S_IFCHR) }
}

extension SharedDescriptor {
  public func status() throws(SystemError) -> stat {
    var result = stat()
    try system("fstat", "fd \(rawValue)") { unsafe cl_fstat(rawValue, &result) }
    return result
  }
}
