internal import GuestProtocol
internal import Linux

/// The session's connection for messages. The host is trusted: to tell it something may wait.
final class ControlConnection {
  private let socket: SharedDescriptor
  private var reader = MessageReader<HostMessage>()

  init(_ socket: SharedDescriptor) { self.socket = socket }

  var rawValue: CInt { socket.rawValue }

  enum Received {
    case message(HostMessage)
    /// Nothing more has come yet.
    case waiting
    /// The host has ended the session.
    case ended
  }

  /// The next message; with `waits`, when it has come.
  func next(waits: Bool = false) throws(RuntimeError) -> Received {
    do throws(ProtocolError) {
      switch try reader.next(from: socket.rawValue, waits: waits) {
      case .message(let message): return .message(message)
      case .waiting: return .waiting
      case .ended: return .ended
      }
    } catch { throw RuntimeError("session: \(error)") }
  }

  /// Tells the host; false when it is gone.
  @discardableResult
  func send(_ message: GuestMessage) -> Bool {
    do throws(ProtocolError) {
      try MessageWriter.send(message, to: socket.rawValue)
      return true
    } catch {
      switch error {
      case .tooLarge(let name, _, _):
        // A text for people is cut; what else is as large as that is told as a failure.
        return send(.failed(Failure("guest: \(name): \(error)")))
      default: return false
      }
    }
  }

  func fail(_ error: RuntimeError) { send(.failed(Failure(error))) }
}

extension Failure {
  /// The failure as the host shall throw it.
  init(_ error: RuntimeError) {
    self.init(
      String(error.message.prefix(16384)), advice: error.advice.map { String($0.prefix(4096)) },
      exitCode: min(max(error.exitCode, 1), 255))
  }
}
