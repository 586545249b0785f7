internal import CLinux
internal import Linux
internal import OCISpec

/// The standard streams, which their new user must be able to open again by /dev/stdout.
enum StandardStreams {
  /// Makes the user the owner of each that is a pipe, a socket, a terminal or a file.
  ///
  /// Memory devices such as /dev/null belong to all. What cannot change its owner (a read-only
  /// file system, an id that is not mapped) stays as it is: the stream itself works.
  static func giveTo(uid: uid_t) throws(RuntimeError) {
    for stream in CInt(0)...2 {
      var status = stat()
      let result = unsafe cl_fstat(stream, &status)
      if result == -EBADF { continue }
      if result == 0 && (status.st_uid == uid || isMemoryDevice(status)) { continue }
      let changed = cl_fchown(stream, uid, status.st_gid)
      switch -changed {
      case 0, EINVAL, EPERM, EROFS: continue
      default:
        throw RuntimeError("standard stream", SystemError(-changed, "fchown", "fd \(stream)"))
      }
    }
  }

  /// The id outside of the user namespace; nil when it is not mapped.
  static func hostUser(_ uid: uid_t, _ mappings: [Spec.IDMapping]) -> uid_t? {
    for mapping in mappings where uid >= mapping.containerID {
      let offset = uid - mapping.containerID
      let (host, overflow) = mapping.hostID.addingReportingOverflow(offset)
      if offset < mapping.size && !overflow { return host }
    }
    return nil
  }

  private static func isMemoryDevice(_ status: stat) -> Bool {
    status.st_mode & mode_t(S_IFMT) == mode_t(S_IFCHR) && cl_major(status.st_rdev) == 1
  }
}
