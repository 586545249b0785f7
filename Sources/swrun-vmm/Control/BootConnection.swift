internal import CLinux
internal import GuestProtocol
internal import Linux

/// The agent's own connection: that it is up, and later that it cannot go on.
final class BootConnection {
  private let socket: FileDescriptor
  private var reader = MessageReader<GuestMessage>()
  /// Whether the agent has said that it serves.
  private(set) var isReady = false
  private var isOpen = true

  /// The control thread's end; the other one is the guest's way to `Port.boot`.
  init(_ socket: consuming FileDescriptor) { self.socket = socket }

  /// What poll(2) is to wait for; -1 once the guest has closed it.
  var descriptor: CInt { isOpen ? socket.rawValue : -1 }

  /// Takes in what has come: why the agent cannot go on, where it says so.
  func receive() throws(RuntimeError) -> String? {
    while isOpen {
      let result: MessageReader<GuestMessage>.Result
      do throws(ProtocolError) { result = try reader.next(from: socket.rawValue) } catch {
        throw RuntimeError(
          "guest agent: \(error.description)",
          advice: "the guest's initramfs is of another swrun, or the guest is hostile")
      }
      switch result {
      case .waiting: return nil
      case .ended:
        isOpen = false
        return isReady ? nil : "the guest's agent closed its connection"
      case .message(.hello(let hello)) where !isReady:
        guard hello.protocol == Int(Frame.version) else {
          return "the guest's agent speaks version \(hello.protocol) of the protocol,"
            + " this swrun \(Frame.version)"
        }
        isReady = true
      case .message(.fatal(let text)): return "the guest's agent: \(text)"
      case .message(let message): return "the guest's agent sent \(message.name) at its boot"
      }
    }
    return nil
  }
}
