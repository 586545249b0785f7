internal import CLinux
internal import Linux

/// Copies one stream between the host and a process, as fast as the slower side takes it and
/// without keeping more than one buffer.
final class Pump {
  enum Direction { case intoProcess, fromProcess }

  private let direction: Direction
  private var source: RelayStream
  private var sink: RelayStream
  private var buffer = RelayBuffer()
  private var sourceEnded = false
  /// True once nothing will be copied any more.
  private(set) var isFinished = false
  /// Bytes taken from the source.
  private(set) var copied: UInt64 = 0

  init(
    _ direction: Direction, from source: consuming FileDescriptor,
    to sink: consuming FileDescriptor
  ) throws(SystemError) {
    self.direction = direction
    self.source = try RelayStream(owning: source)
    self.sink = try RelayStream(owning: sink)
  }

  /// What poll(2) is to wait for, of the source and of the sink.
  ///
  /// The end of the sink's other side wakes us even when nothing is to be written: whoever writes
  /// into the source must learn of it.
  func wanted() -> [pollfd] {
    if isFinished { return [source.wanted(), sink.wanted()] }
    return [
      source.wanted(reading: !sourceEnded && buffer.isEmpty),
      sink.wantedUntilHangUp(writing: !buffer.isEmpty),
    ]
  }

  /// Copies what poll(2) found to be possible.
  func move(_ polledSource: pollfd, _ polledSink: pollfd) {
    if isFinished { return }
    if polledSink.revents & Int16(POLLHUP | POLLERR) != 0 { return loseSink() }
    if polledSink.revents != 0 { drain() }
    if polledSource.revents != 0 { fill() }
    finishWhenDone()
  }

  private func fill() {
    switch buffer.fill(from: source) {
    case .moved:
      copied &+= UInt64(buffer.count)
      drain()
    case .ended: sourceEnded = true
    case .nothingYet, .full: break
    }
  }

  private func drain() {
    if buffer.drain(into: sink) == .ended { loseSink() }
  }

  /// Nobody will ever read what comes from the source: its writers get EPIPE.
  private func loseSink() {
    buffer = RelayBuffer()
    isFinished = true
    source.close()
    sink.close()
  }

  private func finishWhenDone() {
    if !isFinished && sourceEnded && buffer.isEmpty { finish() }
  }

  /// Ends the copy; the sink's other side sees an end behind what it was given.
  func finish() {
    if isFinished { return }
    isFinished = true
    source.close()
    switch direction {
    case .intoProcess: sink.close()
    // Closed with the session only: the end must not overtake what is on its way.
    case .fromProcess: sink.shutdownWriting()
    }
  }

  /// The process has ended: takes what it wrote before. False when there is nothing more, or when
  /// the sink has to be waited for first.
  func takeRest() -> Bool {
    if isFinished || !buffer.isEmpty { return false }
    let before = copied
    fill()
    finishWhenDone()
    return copied != before
  }

  /// Whether bytes wait for the sink.
  var waitsForSink: Bool { !isFinished && !buffer.isEmpty }

  /// Ends both sides at once: a terminal is hung up.
  func cut() {
    if isFinished { return }
    sink.shutdownWriting()
    loseSink()
  }
}
