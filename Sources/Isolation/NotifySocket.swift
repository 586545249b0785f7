internal import CLinux
public import Linux
internal import OCISpec

/// systemd's readiness protocol (sd_notify(3)) across the container's boundary.
///
/// The socket that NOTIFY_SOCKET names is the host's. The container gets one of its own, in a
/// directory of the state store that is mounted over the path of the host's, and of what it says
/// there nothing but that it is ready is passed on.
public final class NotifySocket {
  /// The host's socket: a path, or an abstract name with a leading `@`.
  private let host: String
  private var socket = SharedDescriptor.closed

  private static let directoryName = "notify"
  private static let socketName = "notify"

  /// Nil when the caller was started without one.
  public init?(environment: (String) -> String?) {
    guard let host = environment("NOTIFY_SOCKET"), host.utf8.count > 1,
      host.hasPrefix("/") || host.hasPrefix("@")
    else { return nil }
    self.host = host
  }

  /// The directory in the container.
  private var destination: String { host.hasPrefix("/") ? host : "/run/notify" }

  /// Makes the directory, and asks for it in the configuration.
  func add(
    to bundle: inout Bundle, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) {
    try step("NOTIFY_SOCKET") { () throws(SystemError) in
      let name = Self.directoryName
      try system("mkdir", name) {
        unsafe cl_mkdirat(directory.descriptor.rawValue, name, 0o755)
      }
      let made = try FileDescriptor.open(name, O_PATH | O_DIRECTORY, at: directory.reference)
      // Every user of the container passes, whatever the umask.
      try system("chmod", name) { cl_chmod_descriptor(made.rawValue, 0o755) }
    }
    bundle.spec.mounts.append(
      Spec.Mount(
        destination: destination, type: "bind", source: directory.path + "/" + Self.directoryName,
        options: ["bind", "nosuid", "noexec", "nodev", "ro"]))
    bundle.spec.process?.env.removeAll { $0.hasPrefix("NOTIFY_SOCKET=") }
    bundle.spec.process?.env.append("NOTIFY_SOCKET=\(destination)/\(Self.socketName)")
  }

  /// Whether the container was created with one.
  static func exists(in directory: borrowing ContainerDirectory) -> Bool {
    File.exists(directoryName, at: directory.reference)
  }

  /// Listens from now on; an earlier socket of the container, whose runtime has ended, is replaced.
  func listen(in directory: borrowing ContainerDirectory) throws(RuntimeError) {
    let name = Self.directoryName + "/" + Self.socketName
    let path = directory.shortPath(name)
    directory.remove(name)
    try step("NOTIFY_SOCKET") { () throws(SystemError) in
      let listener = FileDescriptor(
        owning: try system("socket") {
          cl_socket(AF_UNIX, cl_sock_type(1) | cl_sock_cloexec(), 0)
        })
      try system("bind", path) { unsafe cl_unix_bind(listener.rawValue, path) }
      let made = try FileDescriptor.open(name, O_PATH | O_NOFOLLOW, at: directory.reference)
      try system("chmod", path) { cl_chmod_descriptor(made.rawValue, 0o777) }
      socket = SharedDescriptor(listener)
    }
  }

  static func remove(in directory: borrowing ContainerDirectory) {
    directory.remove(directoryName + "/" + socketName)
    _ = unsafe cl_unlinkat(directory.descriptor.rawValue, directoryName, AT_REMOVEDIR)
  }

  // MARK: Relaying

  /// Waits until the container says that it is ready, or its process ends.
  ///
  /// `mainPID` also names the process to the host: it is the service when the runtime ends before
  /// it. The container runs on whatever becomes of its message, so a failure is a warning.
  public func relay(pidfd: CInt, mainPID: Int32?, warn: (String) -> Void) {
    do throws(SystemError) {
      var polled = [
        pollfd(fd: socket.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0),
      ]
      while true {
        try system("poll") { unsafe cl_poll(&polled, UInt(polled.count), -1) }
        // What was sent before the end counts.
        if polled[0].revents != 0 {
          guard try receivesReady() else { continue }
          try send("READY=1")
          if let mainPID { try send("MAINPID=\(mainPID)") }
          return
        }
        if polled[1].revents != 0 { return }
      }
    } catch {
      warn("NOTIFY_SOCKET \(host): \(error) (the service manager does not know of the container)")
    }
  }

  private func receivesReady() throws(SystemError) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = try system("read") {
      unsafe bytes.withUnsafeMutableBytes {
        unsafe cl_read(socket.rawValue, $0.baseAddress, $0.count)
      }
    }
    return bytes[..<count].split(separator: UInt8(ascii: "\n"))
      .contains { $0.elementsEqual("READY=1".utf8) }
  }

  private func send(_ text: String) throws(SystemError) {
    let bytes = Array(text.utf8)
    try system("sendto", host) { unsafe cl_unix_send(host, bytes, bytes.count) }
  }

  /// The relay beside a runtime that waits for its container in the foreground.
  public struct Relay: ~Copyable {
    private let process: FileDescriptor

    fileprivate init(_ process: consuming FileDescriptor) { self.process = process }

    /// Waits until the last word of a container that has ended was passed on.
    public consuming func finish() {
      var polled = pollfd(fd: process.rawValue, events: Int16(POLLIN), revents: 0)
      _ = unsafe cl_poll(&polled, 1, 2000)
    }
  }

  /// Relays in a process of its own, which ends with the container.
  public func startRelay(pidfd: CInt, warn: (String) -> Void) throws(RuntimeError) -> Relay {
    var relay: CInt = -1
    let pid = unsafe cl_clone3(0, &relay, -1)
    if pid == 0 {
      self.relay(pidfd: pidfd, mainPID: nil, warn: warn)
      cl_exit(0)
    }
    if pid < 0 { throw RuntimeError("NOTIFY_SOCKET", SystemError(-pid, "clone3")) }
    socket.close()
    return Relay(FileDescriptor(owning: relay))
  }
}
