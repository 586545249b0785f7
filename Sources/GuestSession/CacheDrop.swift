internal import CLinux
internal import GuestProtocol
internal import Linux

/// Has the agent drop the guest's caches: one question at a time, on a connection of its own, and never
/// waiting for the guest.
///
/// A guest that never answers keeps that one connection, and is not asked again.
public final class CacheDrop {
  private let connect: GuestSession.Connector
  private var socket: FileDescriptor?
  private var reader = MessageReader<GuestMessage>()

  public init(connect: @escaping GuestSession.Connector) { self.connect = connect }

  /// Readable when `receive` has something to say; -1 while nothing was asked.
  public var descriptor: CInt { socket.rawValue }

  /// Asks; whether an answer may come. False too where the last one is still to come.
  public func ask() -> Bool {
    guard socket == nil else { return false }
    let connect = connect
    do throws(SystemError) { socket = try connect(Port.agent) } catch { return false }
    reader = MessageReader()
    var writer = MessageWriter<HostMessage>()
    do throws(ProtocolError) {
      try writer.add(.dropCaches)
      try writer.flush(to: socket.rawValue)
    } catch {
      socket = nil
      return false
    }
    return true
  }

  /// Takes in what has come; whether that was the answer, or there will be none.
  ///
  /// What it says does not matter: the guest does what it is asked for or gets what it gets without.
  public func receive() -> Bool {
    do throws(ProtocolError) {
      if case .waiting = try reader.next(from: socket.rawValue) { return false }
    } catch {}
    socket = nil
    return true
  }
}
