import CLinux
import FileServer
import Linux

/// A file system of 16 MiB with two shares and a file that belongs to neither.
final class Scratch {
  nonisolated(unsafe) static let shared = Scratch()
  private let path = "/mnt"
  private let roots: [CInt]
  private let descriptors: CInt
  /// The DAX window of all servers, one after another.
  let window = try! FileWindow(size: 4 * FileWindow.granule)

  private init() {
    precondition(cl_unshare(CLONE_NEWNS) == 0, "the target files needs root")
    precondition(cl_mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0)
    precondition(cl_mount("scratch", path, "tmpfs", 0, "size=16m,nr_inodes=5000") == 0)
    descriptors = cl_openat(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0)
    for name in ["rootfs", "fixed", "outside"] { mkdir("\(path)/\(name)", 0o755) }
    for name in ["fixed/known", "single", "outside/secret"] {
      Self.write("\(path)/\(name)", "text")
    }
    let base = path
    roots = ["rootfs", "fixed", "single"].map {
      cl_openat(AT_FDCWD, "\(base)/\($0)", O_PATH | O_CLOEXEC, 0)
    }
  }

  func server() -> FileServer {
    var settings = Settings()
    settings.limits = Limits(inodes: 200, handles: 50)
    settings.window = window
    return try! FileServer(
      shares: [
        Share(name: "rootfs", root: roots[0], isReadOnly: false),
        Share(name: "fixed", root: roots[1], isReadOnly: true),
        Share(name: "file", root: roots[2], isReadOnly: false),
      ], settings: settings, procSelfFd: descriptors)
  }

  /// Empties the writable share.
  func clear() { Self.empty("\(path)/rootfs") }

  func check() {
    precondition(Self.read("\(path)/outside/secret") == "text")
    precondition(Self.read("\(path)/fixed/known") == "text")
  }

  private static func write(_ path: String, _ text: String) {
    let fd = cl_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    _ = text.withCString { cl_write(fd, $0, text.utf8.count) }
    _ = cl_close(fd)
  }

  private static func read(_ path: String) -> String {
    (try? File.readText(path, limit: 4096)) ?? ""
  }

  private static func empty(_ path: String) {
    let fd = cl_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0)
    guard fd >= 0 else { return }
    for name in (try? FileDescriptor(owning: fd).entries(path)) ?? [] {
      let child = "\(path)/\(name)"
      if unlink(child) == 0 { continue }
      empty(child)
      rmdir(child)
    }
  }
}
