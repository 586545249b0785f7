internal import JSON
internal import Linux
internal import OCISpec

/// Finds out about one container of `list` after the other; each thread has its own.
@safe struct ListingReader: ~Copyable {
  private let names: ContainerNames
  private let lifecycle: Lifecycle
  /// Not an array: only the pages that a record fills are needed.
  private let buffer: UnsafeMutableBufferPointer<UInt8>
  private var path: [UInt8] = []

  init(_ names: ContainerNames, _ lifecycle: Lifecycle) {
    self.names = names
    self.lifecycle = lifecycle
    unsafe buffer = .allocate(capacity: 16 << 10)
  }

  deinit { unsafe buffer.deallocate() }

  /// Lends the container with the text of its record; false for one whose record is not as it was
  /// written, or cannot be judged: it is to be read as a whole.
  mutating func lend(_ index: Int, _ body: (ListedContainer, Span<UInt8>) -> Void) -> Bool {
    let count = unsafe names.readRecord(index, into: buffer, &path)
    // What fills the buffer may go on behind it.
    guard count > 0, unsafe count < buffer.count else { return false }
    let text = unsafe UnsafeBufferPointer(rebasing: buffer[..<count]).span
    guard let listed = outlined(text, index) else { return false }
    body(listed, text)
    return true
  }

  private mutating func outlined(_ text: Span<UInt8>, _ index: Int) -> ListedContainer? {
    let outline: RecordOutline
    do throws(JSONError) {
      var reader = try JSONReader(text)
      outline = try RecordOutline(&reader)
      try reader.finish()
    } catch { return nil }
    do throws(RuntimeError) {
      let status = try Lifecycle.status(
        pid: outline.pid, startTime: outline.startTime, isSettingUp: outline.isSettingUp,
        hasFreezer: outline.hasFreezer,
        isPaused: { () throws(RuntimeError) in try isPaused(text) },
        isWaiting: {
          !outline.startsAtOnce && names.has(index, ContainerDirectory.startSocketName, &path)
        })
      return ListedContainer(outline, status)
    } catch { return nil }
  }

  private func isPaused(_ text: Span<UInt8>) throws(RuntimeError) -> Bool {
    let record: ContainerRecord
    do {
      var reader = try JSONReader(text)
      record = try ContainerRecord(&reader, withAllCgroups: false)
    } catch { throw RuntimeError(error.reason) }
    return try lifecycle.backend(record.isolation).isPaused(record)
  }
}
