internal import CLinux
internal import Linux

/// Copies one stream of a process, from the host into the guest or back, as fast as the slower
/// end takes it and without keeping more than one buffer.
final class StreamPump {
  enum Direction { case intoGuest, fromGuest }

  let direction: Direction
  private var source: RelayStream
  private var sink: RelayStream
  private var buffer = RelayBuffer()
  private var sourceEnded = false
  /// True once nothing will be copied any more.
  private(set) var isFinished = false
  /// Whether it was the host's end that ended.
  private(set) var hostHasEnded = false
  /// Bytes that were taken from the source.
  private(set) var copied: UInt64 = 0

  init(
    _ direction: Direction, from source: consuming RelayStream, to sink: consuming RelayStream
  ) {
    self.direction = direction
    self.source = source
    self.sink = sink
  }

  /// What the copy waits for; the second is nothing unless bytes wait for the sink.
  func wanted() -> (source: pollfd, sink: pollfd) {
    let wantsSource = !isFinished && !sourceEnded && buffer.isEmpty
    // A guest's end that is gone means that nobody reads the host's input: the writer shall know.
    let sink =
      direction == .intoGuest && !isFinished
      ? sink.wantedUntilHangUp(writing: !buffer.isEmpty)
      : sink.wanted(writing: !isFinished && !buffer.isEmpty)
    return (source.wanted(reading: wantsSource), sink)
  }

  /// Whether it is the sink that the copy waits for.
  var waitsForSink: Bool { !isFinished && !buffer.isEmpty }

  /// Copies what can be copied, after poll(2); true when something moved.
  func move(_ source: pollfd, _ sink: pollfd) -> Bool {
    if isFinished { return false }
    let before = (copied, buffer.count)
    if direction == .intoGuest && sink.revents & Int16(POLLHUP | POLLERR) != 0 {
      finish()
      return true
    }
    if sink.revents != 0 { drain() }
    if source.revents != 0 { fill() }
    if !isFinished && sourceEnded && buffer.isEmpty { finish() }
    return isFinished || before != (copied, buffer.count)
  }

  private func fill() {
    switch buffer.fill(from: source) {
    case .moved:
      copied &+= UInt64(buffer.count)
      drain()
    case .ended:
      sourceEnded = true
      hostHasEnded = direction == .intoGuest
    case .nothingYet, .full: break
    }
  }

  private func drain() {
    guard sink.isOpen else { return loseSink() }
    if buffer.drain(into: sink) == .ended { loseSink() }
  }

  /// Nobody will ever read what the source has.
  private func loseSink() {
    hostHasEnded = direction == .fromGuest
    buffer = RelayBuffer()
    finish()
  }

  /// Ends the copy: the sink of a guest learns of the end, and a source loses its reader, so that
  /// whoever writes there gets EPIPE.
  func finish() {
    if isFinished { return }
    isFinished = true
    switch direction {
    case .intoGuest:
      // Closed with the session only: what was written is still on its way.
      sink.shutdownWriting()
    case .fromGuest:
      source.shutdown()
      sink.close()
    }
    source.close()
  }

  /// Ends the connection to the guest in both directions: its terminal is hung up.
  func hangUp() {
    switch direction {
    case .intoGuest: sink.shutdown()
    case .fromGuest: source.shutdown()
    }
    finish()
  }
}
