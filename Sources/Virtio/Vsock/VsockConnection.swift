/// The protocol of one stream between a port of the host and one of the guest (virtio 1.2, 5.10.6),
/// without the data and without the queues.
///
/// Counters are modulo 2^32, as in the packets: whatever the guest writes into them, it only stops
/// or ends its own stream.
struct VsockConnection: Sendable {
  /// The bytes of the guest that the host side keeps at most: what the packets advertise.
  static let window: UInt32 = 256 << 10

  enum State: Sendable {
    /// The guest has not answered the host's request yet.
    case requested
    case established
    /// Only a reset is still to be sent, or nothing.
    case ended
  }

  /// What a packet of the guest means to the host's side of the stream.
  enum Event: Equatable, Sendable {
    case none
    /// The guest took the connection.
    case opened
    /// Data came, as many bytes; `forward` tells when they have left.
    case data(UInt32)
    /// The guest is done with these halves, after the data that came before.
    case shutdown(VsockShutdown)
    /// The guest ended the stream or refused it; nothing is answered.
    case reset
    /// The guest broke the protocol; a reset is due.
    case violation
  }

  /// Packets without data that are still to be sent, each at most once.
  struct Pending: OptionSet, Sendable {
    let rawValue: UInt8
    static let request = Pending(rawValue: 1)
    static let response = Pending(rawValue: 2)
    static let creditUpdate = Pending(rawValue: 4)
    static let creditRequest = Pending(rawValue: 8)
    static let shutdown = Pending(rawValue: 16)
    static let reset = Pending(rawValue: 32)
  }

  let hostPort: UInt32
  let guestPort: UInt32
  private(set) var state: State
  private(set) var pending: Pending

  /// The guest's receive buffer: its size, what it says has left it, what was sent into it.
  private var guestWindow: UInt32 = 0
  private var guestForwarded: UInt32 = 0
  private var sent: UInt32 = 0
  /// The host's: what came, what has left, and what the guest was last told of that.
  private var received: UInt32 = 0
  private var forwarded: UInt32 = 0
  private var told: UInt32 = 0
  /// The halves that the guest, and that the host is done with.
  private(set) var guestEnded: VsockShutdown = []
  private(set) var hostEnded: VsockShutdown = []
  /// One request of credit is enough until some comes.
  private var hasAskedForCredit = false

  /// A connection that the host asks the guest for.
  init(requestingFrom hostPort: UInt32, to guestPort: UInt32) {
    self.hostPort = hostPort
    self.guestPort = guestPort
    state = .requested
    pending = .request
  }

  /// A connection that the guest asked for by `request`, and gets.
  init(accepting request: VsockHeader) {
    hostPort = request.targetPort
    guestPort = request.sourcePort
    state = .established
    pending = .response
    guestWindow = request.window
    guestForwarded = request.forwarded
  }

  /// The bytes that the guest has room for; 0 where its numbers make no sense.
  var credit: UInt32 {
    guard state == .established, !guestEnded.contains(.receive), !hostEnded.contains(.send) else {
      return 0
    }
    let inFlight = sent &- guestForwarded
    return inFlight < guestWindow ? guestWindow - inFlight : 0
  }

  /// The bytes that came and have not left.
  var buffered: UInt32 { received &- forwarded }

  /// Takes a packet of the guest whose addresses are those of this connection.
  mutating func receive(_ header: VsockHeader) -> Event {
    guard state != .ended else { return .none }
    guard let operation = header.operation else { return violation() }
    if guestWindow != header.window || guestForwarded != header.forwarded {
      guestWindow = header.window
      guestForwarded = header.forwarded
      hasAskedForCredit = false
    }
    if operation == .reset {
      state = .ended
      pending = []
      return .reset
    }
    if state == .requested {
      guard operation == .response, !pending.contains(.request) else { return violation() }
      state = .established
      return .opened
    }
    switch operation {
    case .request, .response: return violation()
    case .creditUpdate: return .none
    case .creditRequest:
      pending.insert(.creditUpdate)
      return .none
    case .shutdown:
      guestEnded.formUnion(VsockShutdown(rawValue: header.flags).intersection(.both))
      return .shutdown(guestEnded)
    case .data:
      guard !guestEnded.contains(.send), header.length <= Self.window &- buffered else {
        return violation()
      }
      received &+= header.length
      return header.length == 0 ? .none : .data(header.length)
    case .reset: return .reset
    }
  }

  /// Data of the guest has left the host side's buffer, or was thrown away there.
  mutating func forward(_ count: UInt32) {
    forwarded &+= min(count, buffered)
    // Once half of the window is open again it is worth a packet; data packets tell it as well.
    if forwarded &- told >= Self.window / 2, !guestEnded.contains(.send), state == .established {
      pending.insert(.creditUpdate)
    }
  }

  /// The host's side is done with these halves.
  mutating func end(_ halves: VsockShutdown) {
    guard state == .established, !hostEnded.isSuperset(of: halves) else { return }
    hostEnded.formUnion(halves)
    pending.insert(.shutdown)
  }

  /// Ends the stream at once, the guest being told.
  mutating func reset() {
    guard state != .ended else { return }
    // The guest never heard of a request that was not sent.
    pending = state == .requested && pending.contains(.request) ? [] : .reset
    state = .ended
  }

  /// The host has data and no credit: the guest is asked for some, once.
  mutating func askForCredit() {
    guard state == .established, !hasAskedForCredit, credit == 0,
      !guestEnded.contains(.receive), !hostEnded.contains(.send)
    else { return }
    hasAskedForCredit = true
    pending.insert(.creditRequest)
  }

  /// The next packet without data; nil when there is none.
  mutating func nextControl() -> VsockHeader? {
    if pending.remove(.reset) != nil {
      pending = []
      return header(.reset)
    }
    if pending.remove(.request) != nil { return header(.request) }
    if pending.remove(.response) != nil { return header(.response) }
    if pending.remove(.creditUpdate) != nil { return header(.creditUpdate) }
    if pending.remove(.creditRequest) != nil { return header(.creditRequest) }
    if pending.remove(.shutdown) != nil {
      var result = header(.shutdown)
      result.flags = hostEnded.rawValue
      return result
    }
    return nil
  }

  /// The packet that stands before `count` bytes of data, which are within `credit`.
  mutating func data(_ count: UInt32) -> VsockHeader {
    sent &+= count
    var result = header(.data)
    result.length = count
    return result
  }

  private mutating func header(_ operation: VsockHeader.Operation) -> VsockHeader {
    var result = VsockHeader()
    result.sourcePort = hostPort
    result.targetPort = guestPort
    result.rawOperation = operation.rawValue
    result.window = Self.window
    result.forwarded = forwarded
    told = forwarded
    pending.remove(.creditUpdate)
    return result
  }

  private mutating func violation() -> Event {
    reset()
    return .violation
  }
}
