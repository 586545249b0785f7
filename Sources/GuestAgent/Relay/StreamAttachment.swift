internal import CLinux
internal import Linux

/// Waits until the host has connected every stream of a process.
///
/// A connection is for the stream that its first byte names.
struct StreamAttachment {
  private let wanted: Set<UInt8>
  private var waiting: [SharedDescriptor] = []
  private(set) var connections: StreamRelay.Connections = [:]

  init(terminal: Bool) { wanted = terminal ? [0] : [0, 1, 2] }

  var isComplete: Bool { connections.count == wanted.count }

  /// What poll(2) is to wait for.
  func polled(_ listener: StreamListener) -> [pollfd] {
    ([listener.socket.rawValue] + waiting.map(\.rawValue)).map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
  }

  /// Takes what poll(2) found.
  mutating func take(
    _ polled: ArraySlice<pollfd>, _ listener: StreamListener
  ) throws(RuntimeError) {
    let ready = polled.dropFirst().filter { $0.revents != 0 }.map(\.fd)
    for connection in waiting where ready.contains(connection.rawValue) {
      try name(connection)
    }
    waiting.removeAll { ready.contains($0.rawValue) || $0.rawValue < 0 }
    guard polled.first?.revents != 0 else { return }
    let accepted = try step("streams") { () throws(SystemError) in try listener.next() }
    if let accepted { waiting.append(SharedDescriptor(accepted)) }
  }

  private mutating func name(_ connection: SharedDescriptor) throws(RuntimeError) {
    var index: UInt8 = 0
    let count = unsafe cl_recv(connection.rawValue, &index, 1, true)
    guard count == 1, wanted.contains(index), connections[index] == nil else {
      throw RuntimeError(
        count == 1
          ? "streams: the host connected stream \(index), which is not wanted"
          : "streams: the host connected a stream and did not say which")
    }
    connections[index] = connection
  }
}
