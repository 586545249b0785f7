internal import CLinux
public import GuestProtocol
public import Linux

/// A question to the agent with one answer, on a connection of its own.
public enum GuestRequest {
  /// The agent's answer; what it could not do is the error.
  ///
  /// A guest that does not answer within `timeout` milliseconds is an error as well, so that no
  /// command waits for one.
  public static func perform(
    _ message: HostMessage, connect: GuestSession.Connector, timeout: Int = 10_000
  ) throws(RuntimeError) -> GuestMessage {
    let name = message.name
    let socket: FileDescriptor
    do throws(SystemError) { socket = try connect(Port.agent) } catch {
      throw RuntimeError(
        "guest agent: \(name)", error,
        advice: "the virtual machine is paused, ending, or does not answer")
    }
    let answer: GuestMessage?
    do throws(ProtocolError) {
      answer = try exchange(message, socket.rawValue, Deadline(milliseconds: timeout))
    } catch {
      if error == timedOut {
        throw RuntimeError(
          "guest agent: \(name): no answer within \(timeout) ms",
          advice: "the virtual machine is paused or hangs: swrun delete --force removes it")
      }
      throw RuntimeError("guest agent: \(name): \(error)", advice: GuestSession.advice)
    }
    switch answer {
    case .failed(let failure): throw failure.error
    case let answer?: return answer
    case nil:
      throw RuntimeError(
        "guest agent: \(name): it closed the connection without an answer",
        advice: GuestSession.advice)
    }
  }

  private static let timedOut = ProtocolError.system(SystemError(ETIMEDOUT, "poll"))

  /// The answer; nil when the agent closed the connection instead.
  private static func exchange(
    _ message: HostMessage, _ socket: CInt, _ deadline: Deadline
  ) throws(ProtocolError) -> GuestMessage? {
    var writer = MessageWriter<HostMessage>()
    var reader = MessageReader<GuestMessage>()
    try writer.add(message)
    while true {
      try writer.flush(to: socket)
      switch try reader.next(from: socket) {
      case .message(let answer): return answer
      case .ended: return nil
      case .waiting: break
      }
      if deadline.isOver { throw timedOut }
      let events = POLLIN | (writer.isEmpty ? 0 : POLLOUT)
      var polled = pollfd(fd: socket, events: Int16(events), revents: 0)
      _ = unsafe cl_poll(&polled, 1, deadline.pollTimeout)
    }
  }

  /// The error for an answer that is none to the question.
  public static func unexpected(_ answer: GuestMessage, to message: HostMessage) -> RuntimeError {
    RuntimeError(
      "guest agent: \(message.name): it answered \(answer.name)", advice: GuestSession.advice)
  }
}

/// The guest's out-of-memory events.
public final class GuestOOMWatch {
  private let socket: FileDescriptor
  private var reader = MessageReader<GuestMessage>()

  public init(connect: GuestSession.Connector) throws(RuntimeError) {
    do throws(SystemError) { socket = try connect(Port.agent) } catch {
      throw RuntimeError("guest agent: watchOOM", error)
    }
    // The request is a few bytes on an empty connection: it never waits.
    do throws(ProtocolError) {
      try MessageWriter.send(HostMessage.watchOOM, to: socket.rawValue)
    } catch { throw RuntimeError("guest agent: watchOOM: \(error)") }
  }

  /// Readable when `next` has something to say.
  public var descriptor: CInt { socket.rawValue }

  /// True for an event, false when there will be none any more, nil when there is none now.
  public func next() throws(RuntimeError) -> Bool? {
    let result: MessageReader<GuestMessage>.Result
    do throws(ProtocolError) { result = try reader.next(from: socket.rawValue) } catch {
      throw RuntimeError("guest agent: watchOOM: \(error)", advice: GuestSession.advice)
    }
    switch result {
    case .waiting: return nil
    case .ended: return false
    case .message(.oom): return true
    case .message(.failed(let failure)): throw failure.error
    case .message(let message): throw GuestRequest.unexpected(message, to: .watchOOM)
    }
  }
}
