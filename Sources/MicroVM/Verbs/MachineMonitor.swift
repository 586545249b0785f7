internal import CLinux
internal import GuestProtocol
internal import GuestSession
internal import Isolation
internal import JSON
internal import Linux

/// The statistics and events of the container's cgroup in the guest.
final class MachineMonitor: ContainerMonitor {
  private let connection: GuestConnection
  private let isPaused: () -> Bool
  private var watch: GuestOOMWatch?

  init(_ connection: GuestConnection, isPaused: @escaping () -> Bool) {
    self.connection = connection
    self.isPaused = isPaused
  }

  func statistics() throws(RuntimeError) -> [UInt8]? {
    if isPaused() { return nil }
    let answer = try connection.ask(.statistics)
    guard case .statistics(let text) = answer else {
      throw GuestRequest.unexpected(answer, to: .statistics)
    }
    return try Self.checkedObject(text)
  }

  /// One JSON object on one line, whatever the guest says: others read our output line by line.
  static func checkedObject(_ text: String) throws(RuntimeError) -> [UInt8] {
    let bytes = Array(text.utf8)
    do throws(JSONError) {
      var json = try JSONReader(bytes.span)
      try json.beginObject()
      while try json.nextKey() != nil { try json.skip() }
      try json.finish()
    } catch {
      throw RuntimeError("guest agent: statistics: at byte \(error.offset): \(error.reason)")
    }
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw RuntimeError("guest agent: statistics: more than one line")
    }
    return bytes
  }

  func watchOutOfMemory() throws(RuntimeError) {
    watch = try GuestOOMWatch(connect: connection.connector)
  }

  var descriptor: CInt { watch?.descriptor ?? -1 }
  var events: Int16 { Int16(POLLIN) }

  func next() throws(RuntimeError) -> OutOfMemoryReport? {
    switch try watch?.next() {
    case true: .oom
    case false: .removed
    case nil: nil
    }
  }
}
