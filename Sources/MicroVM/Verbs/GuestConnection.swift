internal import CLinux
internal import GuestProtocol
internal import GuestSession
internal import Isolation
internal import Linux

/// The way to the agent of a running VM: its vsock socket in the state directory.
struct GuestConnection {
  static let socketName = "vsock"

  /// The state directory, so that no long root or id makes a path too long for a socket.
  let directory: SharedDescriptor

  init(stateRoot: String, id: String) throws(RuntimeError) {
    let path = stateRoot + "/" + id
    directory = try step("virtual machine of \(id)") { () throws(SystemError) in
      SharedDescriptor(
        try FileDescriptor.open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW))
    }
  }

  var connector: GuestSession.Connector {
    { [directory] port throws(SystemError) in
      try VsockSocket.connect(
        "/proc/self/fd/\(directory.rawValue)/\(Self.socketName)", port: port)
    }
  }

  /// The agent's answer; a guest that does not answer in 10 seconds is an error.
  func ask(_ message: HostMessage) throws(RuntimeError) -> GuestMessage {
    try GuestRequest.perform(message, connect: connector)
  }

  /// As `ask`, for what is just to be done: the agent's warnings.
  func order(_ message: HostMessage) throws(RuntimeError) -> [String] {
    let answer = try ask(message)
    guard case .done(let warnings) = answer else {
      throw GuestRequest.unexpected(answer, to: message)
    }
    return warnings
  }
}
