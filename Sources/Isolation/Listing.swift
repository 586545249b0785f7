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

  /// Where the last of the ranges ends.
  var end: Int { annotations.upperBound }

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
    pid = status.shownPID(outline.pid)
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
    try forEachListed(helpers: nil, body)
  }

  /// The same with that many threads beside the caller's; nil for as many as are worth it.
  func forEachListed(
    helpers count: Int?, _ body: (ListedContainer, Span<UInt8>) -> Void
  ) throws(RuntimeError) {
    guard let names = try store.names() else { return }
    var reader = ListingReader(names, self)
    var helpers = ListingHelpers(
      count ?? ListingHelpers.worthwhile(for: names.count), names, self)
    for index in 0..<names.count {
      if helpers.lend(index, body) || reader.lend(index, body) { continue }
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
}

extension State.Status {
  /// The pid that is shown of a container; nil once it has ended, and before it exists.
  func shownPID(_ pid: Int32) -> Int32? { self == .stopped || pid == 0 ? nil : pid }
}
