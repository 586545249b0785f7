import CLinux
import Linux
import Testing

@testable import FileServer

/// A scratch directory on the host with a server for it: shares `rootfs` (writable), `fixed`
/// (read-only), and `file` (the single file `single`). Beside them is `outside`, which is no share.
final class Fixture {
  let path: String
  let server: FileServer
  private let descriptors: [CInt]
  private let isBounded: Bool

  /// `isBounded` puts it on a small file system of its own, in a mount namespace of the thread.
  init(settings: Settings = Settings(), isBounded: Bool = false) throws {
    var template = Array("/tmp/fileserver-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw SystemError(EIO, "mkdtemp") }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    self.isBounded = isBounded
    if isBounded {
      try system("unshare") { cl_unshare(CLONE_NEWNS) }
      try system("mount", "/") { cl_mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
      let place = path
      try system("mount", place) { cl_mount("scratch", place, "tmpfs", 0, "size=32m") }
    }
    for name in ["", "/rootfs", "/fixed", "/outside"] {
      mkdir(path + name, 0o755)
      chmod(path + name, 0o755)
    }
    for (name, content) in [
      ("fixed/known", "fixed"), ("single", "alone"), ("outside/secret", "secret"),
    ] {
      Self.write(path + "/" + name, content)
    }
    let base = path
    func root(_ name: String) -> CInt {
      cl_openat(AT_FDCWD, base + "/" + name, O_PATH | O_CLOEXEC, 0)
    }
    descriptors = [root("rootfs"), root("fixed"), root("single"), Self.procSelfFd]
    server = try FileServer(
      shares: [
        Share(name: "rootfs", root: descriptors[0], isReadOnly: false),
        Share(name: "fixed", root: descriptors[1], isReadOnly: true),
        Share(name: "file", root: descriptors[2], isReadOnly: false),
      ], settings: settings, procSelfFd: descriptors[3])
  }

  deinit {
    for descriptor in descriptors { close(descriptor) }
    if isBounded { _ = cl_umount2(path, CInt(MNT_DETACH)) }
    Self.remove(path)
  }

  static var procSelfFd: CInt {
    cl_openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0)
  }

  /// Writes a file below the scratch directory.
  func write(_ name: String, _ content: String) { Self.write(path + "/" + name, content) }

  private static func write(_ path: String, _ content: String) {
    let fd = cl_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    _ = content.withCString { cl_write(fd, $0, strlen($0)) }
    close(fd)
    chmod(path, 0o644)
  }

  /// The content of a file below the scratch directory; nil when there is none.
  func read(_ name: String) -> String? {
    let fd = cl_openat(AT_FDCWD, path + "/" + name, O_RDONLY | O_CLOEXEC, 0)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = cl_read(fd, &buffer, buffer.count)
    return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
  }

  /// lstat of a file below the scratch directory; nil when there is none.
  func status(_ name: String) -> stat? {
    var status = stat()
    return lstat(path + "/" + name, &status) == 0 ? status : nil
  }

  private static func remove(_ path: String) {
    let fd = cl_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    guard fd >= 0 else {
      unlink(path)
      return
    }
    for name in (try? FileDescriptor(owning: fd).entries(path)) ?? [] { remove(path + "/" + name) }
    rmdir(path)
  }
}

/// The errno with which `body` was refused; 0 when it was not.
func refusal(_ body: () throws -> Void) -> CInt {
  do {
    try body()
    return 0
  } catch {
    return (error as? Client.Refusal)?.errno ?? -1
  }
}
