import CHarness
import Foundation

extension Container {
  /// `run` in the foreground of this terminal.
  public func start(foreground terminal: PseudoTerminal) throws -> Child {
    try sandbox.spawn(
      isolation.options + ["run", "--bundle", bundle, id], input: .fd(terminal.slave),
      output: .fd(terminal.slave),
      error: .fd(terminal.slave), terminal: true)
  }
}

/// A terminal as a person would have it: the test holds the master.
public final class PseudoTerminal {
  public let master: Int32
  public let slave: Int32
  private var pending: [UInt8] = []
  private let owned: Bool

  public init(rows: UInt16 = 24, columns: UInt16 = 80) throws {
    var fds: (Int32, Int32) = (-1, -1)
    guard ch_open_terminal(&fds.0, &fds.1) == 0 else { throw HarnessError("no terminal") }
    (master, slave) = fds
    owned = true
    _ = ch_set_window(master, rows, columns)
  }
  public init(master: Int32) {
    self.master = master
    slave = -1
    owned = false
  }
  deinit {
    if owned {
      close(master)
      close(slave)
    }
  }

  public func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Foundation.write(master, bytes, bytes.count)
  }

  /// What comes until the text is seen, or the seconds (times `patience`) are over.
  public func read(until text: String, timeout: Double = 15) -> String {
    let deadline = Date().addingTimeInterval(timeout * patience)
    var buffer = [UInt8](repeating: 0, count: 65536)
    let wanted = Array(text.utf8)
    // Quick, for a runtime may lose what a slow reader leaves in the terminal.
    while Date() < deadline {
      guard ch_poll_input(master, 100) > 0 else { continue }
      let count = Foundation.read(master, &buffer, buffer.count)
      guard count > 0 else { break }
      let new = max(0, pending.count - wanted.count + 1)
      pending += buffer[..<count]
      let isSeen = pending[new...].withUnsafeBytes {
        memmem($0.baseAddress!, $0.count, wanted, wanted.count) != nil
      }
      if isSeen { break }
    }
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}

extension PseudoTerminal {
  /// What is still to be read when the process has ended.
  public func rest() -> String {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while ch_poll_input(master, 100) > 0 {
      let count = Foundation.read(master, &buffer, buffer.count)
      guard count > 0 else { break }
      bytes += buffer[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
