internal import CLinux

/// Files that live in memory alone.
public enum MemoryFile {
  /// A file of `bytes` that nobody can change any more, at its start (memfd_create(2)).
  public static func sealed(
    _ name: String, _ bytes: [UInt8]
  ) throws(RuntimeError) -> SharedDescriptor {
    try step(name) { () throws(SystemError) in
      // MFD_CLOEXEC and MFD_ALLOW_SEALING.
      let file = FileDescriptor(
        owning: try system("memfd_create", name) { unsafe cl_memfd_create(name, 3) })
      try file.writeAll(bytes, name)
      let seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
      try system("fcntl", "F_ADD_SEALS") { cl_fcntl(file.rawValue, F_ADD_SEALS, Int(seals)) }
      try system("lseek", name) { cl_lseek(file.rawValue, 0, SEEK_SET) }
      return SharedDescriptor(file)
    }
  }
}
