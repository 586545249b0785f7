internal import CLinux
public import Linux

/// Where a created container waits for `start`: a listening socket in its state directory.
///
/// The process holds the descriptor, so nothing in the container can reach or forge it, and the
/// connection carries the outcome of the exec back to `start`.
public enum StartSocket {
  public static func listen(in directory: borrowing ContainerDirectory) throws(RuntimeError)
    -> SharedDescriptor
  {
    try StateSocket.listen(ContainerDirectory.startSocketName, type: 2, in: directory)
  }

  /// Lets the container execute its program; the error is the one of the program's side.
  ///
  /// `deliver` hands on the seccomp listener of a filter with SCMP_ACT_NOTIFY.
  public static func start(
    in directory: borrowing ContainerDirectory,
    deliver: ListenerDelivery
  ) throws(RuntimeError) {
    let path = directory.shortPath(ContainerDirectory.startSocketName)
    let socket: SharedDescriptor
    do {
      socket = SharedDescriptor(try FileDescriptor.connectUnix(path, type: 2))
    } catch {
      throw RuntimeError("container \(directory.id) does not wait for start", error)
    }
    let channel = LaunchChannel(socket: socket)
    try step("start of container \(directory.id)") { () throws(SystemError) in
      try channel.proceed()
    }
    // From here on the container is no longer `created`, whatever becomes of it.
    directory.remove(ContainerDirectory.startSocketName)
    try channel.awaitExec(deliver)
  }

  /// The container's side: waits for `start` and returns the connection to it.
  public static func awaitStart(_ listener: SharedDescriptor) throws(RuntimeError) -> LaunchChannel
  {
    while true {
      let accepted = try step("start socket") { () throws(SystemError) in
        SharedDescriptor(
          FileDescriptor(
            owning: try system("accept") { cl_accept4(listener.rawValue, cl_sock_cloexec()) }))
      }
      let channel = LaunchChannel(socket: accepted)
      // A `start` that was killed before it said so leaves the container created.
      if (try? channel.waitToProceed()) == true {
        listener.close()
        return channel
      }
    }
  }
}

/// Hands a seccomp listener on to the agent at `linux.seccomp.listenerPath`.
public typealias ListenerDelivery = (SharedDescriptor) throws(RuntimeError) -> Void

extension LaunchChannel {
  /// Waits until the other side executed its program, which closes its end.
  public func awaitExec(_ deliver: ListenerDelivery) throws(RuntimeError) {
    while let report = try receive() {
      switch report {
      case .failed(let error): throw error
      case .seccompListener(let fd):
        try deliver(SharedDescriptor(FileDescriptor(owning: fd)))
        try step("container process") { () throws(SystemError) in try proceed() }
      case .console(let fd): _ = cl_close(fd)
      case .step(let name): Trace.mark(name)
      case .warning, .ready, .process, .needsHooks, .needsMappings: break
      }
    }
  }
}
