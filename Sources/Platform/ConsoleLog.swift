internal import CLinux
public import Linux

/// What the guest wrote to its console: the newest 64 KiB for messages, and a bounded copy in a file.
///
/// The guest decides what and how much that is: memory, file and message are bounded, and a message
/// holds no control characters.
public final class ConsoleLog: Sendable {
  /// Bytes kept for messages.
  public static let capacity = 64 << 10
  /// Bytes at which the file is begun anew with those that are kept.
  public static let fileLimit = 1 << 20

  private struct State {
    var ring = [UInt8](repeating: 0, count: ConsoleLog.capacity)
    /// All bytes ever; the newest `capacity` of them are in the ring.
    var total: UInt64 = 0
    /// How many of them the file has been given.
    var filed: UInt64 = 0
    var fileSize = 0
  }

  private let state = Locked(State())
  private let file: CInt

  /// `file` is open for writing and stays the caller's; -1 for none.
  public init(file: CInt) { self.file = file }

  /// Adds what the guest wrote. The file gets whole lines, or 512 bytes at a time.
  public func append(_ bytes: some Sequence<UInt8>) {
    state.withLock { state in
      for byte in bytes {
        state.ring[Int(state.total % UInt64(Self.capacity))] = byte
        state.total &+= 1
        if byte == 0x0a || state.total &- state.filed >= 512 { save(&state) }
      }
    }
  }

  /// Gives the file what it has not got yet.
  public func flush() { state.withLock { save(&$0) } }

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

  private func save(_ state: inout State) {
    guard file >= 0, state.total != state.filed else { return }
    var bytes = newest(Int(state.total &- state.filed), of: state)
    if state.fileSize + bytes.count > Self.fileLimit {
      _ = cl_restart_file(file)
      bytes = newest(Self.capacity, of: state)
      state.fileSize = 0
    }
    // A full disk must not end the guest: the messages still have the newest lines.
    _ = unsafe bytes.withUnsafeBytes { unsafe cl_write(file, $0.baseAddress, $0.count) }
    state.fileSize += bytes.count
    state.filed = state.total
  }
}
