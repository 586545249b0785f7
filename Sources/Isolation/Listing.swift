internal import CLinux
internal import JSON
public import Linux
public import OCISpec

/// What `list` shows of a container; the ranges are of the text that it is lent with.
public struct ListedContainer: Sendable {
  public let id: Range<Int>
  public let ociVersion: Range<Int>
  public let bundle: Range<Int>
  public let rootfs: Range<Int>
  /// RFC 3339.
  public let created: Range<Int>
  /// The user who created it.
  public let owner: UInt32
  public let status: State.Status
  /// Nil once it has ended, and before it exists.
  public let pid: Int32?
  private let annotations: Range<Int>

  /// The annotations of the container that was lent with `text`.
  public func annotations(_ text: Span<UInt8>) -> [String: String] {
    if annotations.isEmpty { return [:] }
    do throws(JSONError) {
      var reader = try JSONReader(text.extracting(annotations))
      return try [String: String](&reader)
    } catch { return [:] }
  }

  init(_ outline: RecordOutline, _ status: State.Status) {
    id = outline.id
    ociVersion = outline.ociVersion
    bundle = outline.bundle
    rootfs = outline.rootfs
    created = outline.created
    owner = outline.owner
    self.status = status
    pid = status == .stopped || outline.pid == 0 ? nil : outline.pid
    annotations = outline.annotations
  }

  /// Appends the texts of a record to `text`.
  init(_ record: ContainerRecord, _ status: State.Status, _ text: inout [UInt8]) {
    func append(_ bytes: some Sequence<UInt8>) -> Range<Int> {
      let start = text.count
      text.append(contentsOf: bytes)
      return start..<text.count
    }
    var json = JSONWriter()
    record.annotations.write(to: &json)
    var outline = RecordOutline()
    outline.id = append(record.id.utf8)
    outline.ociVersion = append(record.ociVersion.utf8)
    outline.bundle = append(record.bundle.utf8)
    outline.rootfs = append(record.rootfs.utf8)
    outline.created = append(record.created.utf8)
    outline.owner = record.owner
    outline.pid = record.pid
    outline.annotations = append(json.bytes)
    self.init(outline, status)
  }
}

extension Lifecycle {
  /// Lends each container with the text of which its ranges are, in the order of their ids.
  ///
  /// A container that is being made or deleted right now is not there; a damaged one is a warning,
  /// and does not hide the others.
  public func forEachListed(
    _ body: (ListedContainer, Span<UInt8>) -> Void
  ) throws(RuntimeError) {
    guard var names = try store.names() else { return }
    // Not an array: only the pages that a record fills are needed.
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 16 << 10)
    defer { unsafe buffer.deallocate() }
    for index in 0..<names.count {
      let count = unsafe names.readRecord(index, into: buffer)
      // What fills the buffer may go on behind it.
      if count > 0, count < buffer.count {
        let text = unsafe UnsafeBufferPointer(rebasing: buffer[..<count]).span
        if let listed = outlined(text, index, &names) {
          body(listed, text)
          continue
        }
      }
      guard let id = try? ContainerID(names.name(index)) else { continue }
      let place = names.place(id)
      do throws(RuntimeError) {
        let found = try snapshot(place, withAllCgroups: false)
        var text: [UInt8] = []
        let listed = ListedContainer(found.record, found.status, &text)
        body(listed, text.span)
      } catch {
        if error != StateStore.doesNotExist(id) { warn("list: \(id): \(error)") }
      }
    }
  }

  /// Nil for a record that is not as it was written, or cannot be judged: it is read as a whole.
  private func outlined(
    _ text: Span<UInt8>, _ index: Int, _ names: inout ContainerNames
  ) -> ListedContainer? {
    let outline: RecordOutline
    do throws(JSONError) {
      var reader = try JSONReader(text)
      outline = try RecordOutline(&reader)
      try reader.finish()
    } catch { return nil }
    do throws(RuntimeError) {
      let status = try Self.status(
        pid: outline.pid, startTime: outline.startTime, isSettingUp: outline.isSettingUp,
        hasFreezer: outline.hasFreezer,
        isPaused: { () throws(RuntimeError) in try isPaused(text) },
        isWaiting: {
          !outline.startsAtOnce && names.has(index, ContainerDirectory.startSocketName)
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
    return try backend(record.isolation).isPaused(record)
  }
}
