internal import CLinux
internal import Linux

extension Cgroup {
  /// Whether the v1 hierarchy of this key, such as `cpu,cpuacct`, has a controller.
  static func controllers(_ key: String, include controller: String) -> Bool {
    key == controller
      || key.utf8.split(separator: UInt8(ascii: ",")).contains {
        $0.elementsEqual(controller.utf8)
      }
  }
}

/// The directory of a cgroup in one hierarchy, open; `Cgroup` owns the descriptor.
struct CgroupDirectory: Sendable {
  let key: String
  let path: String
  let version: CgroupVersion
  let fd: CInt

  var reference: DirectoryReference { DirectoryReference(rawValue: fd) }

  /// Opens `path`, which no component of may be a symlink, and makes sure that it is a cgroup.
  ///
  /// O_PATH serves the *at calls, clone3 and bpf alike. ENOTDIR, ELOOP when something else stands
  /// there; EINVAL when the directory is in no cgroup filesystem.
  init(opening path: String, key: String) throws(SystemError) {
    let resolve = UInt64(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
    let flags = UInt64(UInt32(bitPattern: O_PATH | O_DIRECTORY | O_CLOEXEC))
    let fd = try system("openat2", path) { unsafe cl_openat2(AT_FDCWD, path, flags, 0, resolve) }
    var status = statfs()
    guard unsafe cl_fstatfs(fd, &status) == 0, let version = CgroupVersion(status) else {
      _ = cl_close(fd)
      throw SystemError(EINVAL, "statfs", path)
    }
    self.key = key
    self.path = path
    self.version = version
    self.fd = fd
  }

  /// Whether the hierarchy has this v1 controller.
  func controls(_ controller: String) -> Bool {
    version == .v1 && Cgroup.controllers(key, include: controller)
  }

  /// The whole file, without the newline at its end.
  func read(_ file: String) throws(SystemError) -> String {
    var bytes = try File.read(file, at: reference)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The file's text; nil when the kernel has no such file or no answer.
  func readIfPresent(_ file: String) -> String? { try? read(file) }

  func has(_ file: String) -> Bool { File.exists(file, at: reference) }

  /// One write call, as control files need it.
  func write(_ file: String, _ value: String) throws(SystemError) {
    try FileDescriptor.open(file, O_WRONLY | O_NOFOLLOW, at: reference).write(value, file)
  }

  /// The directories of the child cgroups; a cgroup that is gone has none.
  func children() throws(SystemError) -> [String] {
    try CgroupDirectory.children(at: reference)
  }

  static func children(at reference: DirectoryReference) throws(SystemError) -> [String] {
    let opened: CInt
    do {
      opened = try FileDescriptor.open(".", O_RDONLY | O_DIRECTORY, at: reference).release()
    } catch {
      if error.errno == ENOENT { return [] }
      throw error
    }
    let directory = FileDescriptor(owning: opened)
    var names: [String] = []
    var buffer = [UInt8](repeating: 0, count: 8192)
    while true {
      let filled = try system("getdents64") {
        unsafe buffer.withUnsafeMutableBytes {
          unsafe cl_getdents64(directory.rawValue, $0.baseAddress!, $0.count)
        }
      }
      if filled == 0 { return names }
      names += subdirectories(buffer[..<filled])
    }
  }

  /// The directories among `struct dirent64` records, but `.` and `..`.
  private static func subdirectories(_ records: ArraySlice<UInt8>) -> [String] {
    // d_ino 8 bytes, d_off 8, d_reclen 2, d_type 1, d_name.
    var names: [String] = []
    var offset = records.startIndex
    while offset + 19 <= records.endIndex {
      let length = Int(records[offset + 16]) | Int(records[offset + 17]) << 8
      guard length > 19, offset + length <= records.endIndex else { break }
      if records[offset + 18] == UInt8(DT_DIR) {
        let name = records[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
        if !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8) {
          names.append(String(decoding: name, as: UTF8.self))
        }
      }
      offset += length
    }
    return names
  }
}
