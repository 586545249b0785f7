internal import CLinux
public import Linux
internal import Virtio

/// What the guest wrote to its console: the newest 64 KiB for messages, and a bounded copy in a file.
///
/// The guest decides what and how much that is: memory, file and message are bounded, and a message
/// holds no control characters.
public final class ConsoleLog: Sendable {
  /// Bytes kept for messages.
  public static let capacity = 64 << 10
  /// Bytes at which the file is begun anew with those that are kept.
  public static let fileLimit = 1 << 20
  /// Bytes a second that the file is given; what the guest writes beyond that and `burst` is left
  /// out of it, and counted there.
  public static let rate = 256 << 10
  public static let burst = 2 << 20

  private struct State {
    var ring = [UInt8](repeating: 0, count: ConsoleLog.capacity)
    /// All bytes ever; the newest `capacity` of them are in the ring.
    var total: UInt64 = 0
    /// How many of them the file has been given.
    var filed: UInt64 = 0
    var fileSize = 0
    var bucket: TokenBucket
  }

  private let state: Locked<State>
  private let file: CInt
  private let now: @Sendable () -> Int64

  /// `file` is open for writing and stays the caller's; -1 for none.
  public convenience init(file: CInt) { self.init(file: file, now: { cl_monotonic_ns() }) }

  /// `now` is the clock that the rate goes by, in nanoseconds.
  public init(file: CInt, now: @escaping @Sendable () -> Int64) {
    self.file = file
    self.now = now
    state = Locked(
      State(
        bucket: TokenBucket(rate: Int64(Self.rate), capacity: Int64(Self.burst), now: now())))
  }

  /// Adds what the guest wrote. The file gets whole lines, or 512 bytes at a time.
  public func append(_ bytes: some Sequence<UInt8>) {
    state.withLock { state in
      for byte in bytes {
        state.ring[Int(state.total % UInt64(Self.capacity))] = byte
        state.total &+= 1
        if byte == 0x0a || (state.total &- state.filed) % 512 == 0 { save(&state) }
      }
    }
  }

  /// Gives the file what it has not got yet.
  public func flush() { state.withLock { save(&$0, atAnyRate: true) } }

  /// What is kept, for messages.
  public var text: ConsoleText { ConsoleText(state.withLock { newest(Self.capacity, of: $0) }) }

  /// The last `count` lines, as `ConsoleText` has them.
  public func lastLines(_ count: Int) -> String { text.lastLines(count) }

  private func newest(_ count: Int, of state: State) -> [UInt8] {
    let count = min(UInt64(count), state.total, UInt64(Self.capacity))
    return (state.total &- count..<state.total).map {
      state.ring[Int($0 % UInt64(Self.capacity))]
    }
  }

  private func save(_ state: inout State, atAnyRate: Bool = false) {
    guard file >= 0, state.total != state.filed else { return }
    let pending = state.total &- state.filed
    var count = Int(min(pending, UInt64(Self.capacity)))
    guard atAnyRate || state.bucket.available(now: now()) >= count else { return }
    state.bucket.take(count)
    let leftOut = pending &- UInt64(count)
    let note = leftOut > 0 ? Array("\n[\(leftOut) bytes were left out]\n".utf8) : []
    if state.fileSize + note.count + count > Self.fileLimit {
      _ = cl_restart_file(file)
      count = Self.capacity
      state.fileSize = 0
    }
    let bytes = note + newest(count, of: state)
    // A full disk must not end the guest: the messages still have the newest lines.
    _ = unsafe bytes.withUnsafeBytes { unsafe cl_write(file, $0.baseAddress, $0.count) }
    state.fileSize += bytes.count
    state.filed = state.total
  }
}
