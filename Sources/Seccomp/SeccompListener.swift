internal import CLinux
internal import JSON
public import Linux
public import OCISpec

/// The hand-over of a `notify` filter's descriptor to the agent that answers for it.
public enum SeccompListener {
  /// Sends the descriptor to `listenerPath` with the container process state (config-linux.md,
  /// "The Container Process State"); the caller still owns the descriptor.
  public static func deliver(
    _ listener: CInt, _ seccomp: Spec.Linux.Seccomp, _ state: State
  ) throws(RuntimeError) {
    guard let path = seccomp.listenerPath else {
      throw RuntimeError(
        "linux.seccomp: a filter with SCMP_ACT_NOTIFY has nobody to ask",
        advice: "set linux.seccomp.listenerPath to the unix socket of the seccomp agent")
    }
    let message = try message(of: state, metadata: seccomp.listenerMetadata)
    try step(
      "linux.seccomp.listenerPath",
      advice: "the seccomp agent has to listen on a unix stream socket"
    ) { () throws(SystemError) in
      let socket = try FileDescriptor.connectUnix(path)
      var sent = try send(message[...], passing: [listener], to: socket, path)
      // A signal can cut a long message of a stream short; the descriptor went with the first part.
      while sent < message.count {
        sent += try send(message[sent...], passing: [], to: socket, path)
      }
    }
  }

  private static func send(
    _ bytes: ArraySlice<UInt8>, passing fds: [CInt], to socket: borrowing FileDescriptor,
    _ path: String
  ) throws(SystemError) -> Int {
    let fd = socket.rawValue
    return try system("sendmsg", path) {
      unsafe bytes.withUnsafeBytes { data in
        unsafe cl_send_fds(fd, data.baseAddress!, data.count, fds, fds.count)
      }
    }
  }

  /// The version of the message: the one in the specification's example, which crun sends too.
  private static let messageVersion = "0.2.0"

  /// The container process state as JSON.
  static func message(of state: State, metadata: String?) throws(RuntimeError) -> [UInt8] {
    guard let pid = state.pid else {
      throw RuntimeError("container \(state.id): no process to name to the seccomp agent")
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("ociVersion", messageVersion)
    json.member("fds", ["seccompFd"])
    json.member("pid", pid)
    json.member("metadata", metadata)
    json.member("state", state)
    json.endObject()
    return json.bytes
  }
}
