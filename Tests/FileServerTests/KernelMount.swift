import CLinux
import Linux
import Testing

@testable import FileServer

/// The server behind this machine's own FUSE client, so that a real kernel asks the questions.
final class KernelMount {
  let path: String
  private let device: CInt
  private var threads: [pthread_t] = []
  private var boxes: [WorkerBox] = []

  static var isPossible: Bool { geteuid() == 0 && access("/dev/fuse", R_OK | W_OK) == 0 }

  /// Mounts in a mount namespace of the calling thread, which ends with it.
  init(_ server: FileServer, at path: String) throws {
    self.path = path
    try system("unshare") { cl_unshare(CLONE_NEWNS) }
    try system("mount", "/") { cl_mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
    let device = try system("open", "/dev/fuse") {
      cl_openat(AT_FDCWD, "/dev/fuse", O_RDWR | O_CLOEXEC, 0)
    }
    self.device = device
    mkdir(path, 0o755)
    let options =
      "fd=\(device),rootmode=40755,user_id=0,group_id=0,allow_other,default_permissions"
    try system("mount", path) { cl_mount("swrun", path, "fuse", 0, options) }
    for _ in 0..<2 {
      let box = WorkerBox(server, device)
      boxes.append(box)
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<WorkerBox>.fromOpaque(argument!).takeUnretainedValue().serve()
          return nil
        }, Unmanaged.passUnretained(box).toOpaque())
      threads.append(thread)
    }
  }

  /// Ends the mount and the serving threads.
  func end() {
    _ = cl_umount2(path, CInt(MNT_DETACH))
    close(device)
    for thread in threads { pthread_join(thread, nil) }
    rmdir(path)
  }

  private final class WorkerBox {
    let server: FileServer
    let device: CInt
    init(_ server: FileServer, _ device: CInt) {
      self.server = server
      self.device = device
    }

    func serve() {
      let size = (1 << 20) + 8192
      let request = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
      let reply = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 4096)
      defer {
        request.deallocate()
        reply.deallocate()
      }
      while true {
        let count = cl_read(device, request, size)
        if count == -Int(EINTR) || count == -Int(ENOENT) { continue }
        if count <= 0 { return }
        let input = [UnsafeMutableRawBufferPointer(start: request, count: count)]
        let output = [UnsafeMutableRawBufferPointer(start: reply, count: size)]
        let written = input.withUnsafeBufferPointer { input in
          output.withUnsafeBufferPointer { server.handle(request: input, reply: $0) }
        }
        if written > 0 { _ = cl_write(device, reply, written) }
      }
    }
  }
}

/// What a shell script prints when it is run in a directory, and its exit code at the end.
func run(_ script: String, in directory: String, scratch: String) -> String {
  let log = scratch + "/log"
  let body = scratch + "/script"
  let fd = cl_openat(AT_FDCWD, body, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o755)
  _ = script.withCString { cl_write(fd, $0, strlen($0)) }
  close(fd)
  let status = CLinux.system(
    "cd \(directory) && LC_ALL=C TZ=UTC timeout 300 sh \(body) > \(log) 2>&1")
  var text = ""
  var buffer = [UInt8](repeating: 0, count: 1 << 20)
  let input = cl_openat(AT_FDCWD, log, O_RDONLY | O_CLOEXEC, 0)
  let count = cl_read(input, &buffer, buffer.count)
  close(input)
  text = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
  unlink(log)
  unlink(body)
  return text + "exit \(status >> 8)\n"
}
