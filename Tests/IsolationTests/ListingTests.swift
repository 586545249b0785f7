import Foundation
import JSON
import Linux
import OCISpec
import SeededRandom
import Testing

@testable import Isolation

@Suite struct ListingTests {
  private func withStore(_ body: (StateStore) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.path + "/swrun-list-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    try body(StateStore(root: root, environment: { _ in nil }))
  }

  private func record(_ id: String) -> ContainerRecord {
    ContainerRecord(
      id: id, ociVersion: "1.2.0", bundle: "/b é", rootfs: "/b/rootfs",
      created: "2026-11-21T08:05:04.0Z", owner: 7, annotations: ["a": "b"],
      isolation: "container", isolationReason: "default", cgroupManager: "cgroupfs")
  }

  private func text(_ record: ContainerRecord) -> [UInt8] {
    var json = JSONWriter()
    record.write(to: &json)
    return json.bytes
  }

  /// What is listed, as text, and the warnings.
  private func list(
    _ store: StateStore, helpers: Int? = nil, _ each: (String) throws -> Void = { _ in }
  ) throws -> (listed: [String], warnings: [String]) {
    var listed: [String] = []
    var warnings: [String] = []
    let lifecycle = Lifecycle(store: store, backends: [], warn: { warnings.append($0) })
    var fault: (any Error)?
    try lifecycle.forEachListed(helpers: helpers) { container, text in
      let texts = [
        container.id, container.ociVersion, container.bundle, container.rootfs, container.created,
      ].map { range in String(decoding: range.map { text[$0] }, as: UTF8.self) }
      let pid = container.pid.map { "\($0)" } ?? "-"
      listed.append(
        (texts + ["\(container.owner)", container.status.rawValue, pid]).joined(separator: "|")
          + container.annotations(text).sorted { $0.key < $1.key }.map { "|\($0)=\($1)" }.joined())
      do { try each(texts[0]) } catch { fault = error }
    }
    if let fault { throw fault }
    return (listed, warnings)
  }

  @Test func whatIsDamagedIsAWarningAndHidesNothing() throws {
    try withStore { store in
      func save(_ id: String, _ bytes: [UInt8]) throws {
        try store.reserve(ContainerID(id)).write(ContainerDirectory.recordName, bytes)
      }
      try save("plain", text(record("plain")))
      var other = record("quoted")
      other.bundle = "/b \"quoted\"\n"
      other.annotations = ["x": "a\"b", "é\\": ""]
      try save("quoted", text(other))
      other = record("large")
      other.externalDescriptors = String(repeating: "x", count: 40_000)
      try save("large", text(other))
      other = record("exact")
      other.externalDescriptors += String(
        repeating: "x", count: (16 << 10) - text(other).count)
      try save("exact", text(other))
      other = record("ended")
      other.pid = getpid()
      try save("ended", text(other))
      for length in [0, 1, 40, text(record("cut")).count - 1] {
        try save("cut-\(length)", Array(text(record("cut")).prefix(length)))
      }
      try save("more", text(record("more")) + [UInt8(ascii: "}")])
      try save("type", Array(#"{"format":1,"id":"type","annotations":{"a":1}}"#.utf8))
      try save("nul", Array(#"{"format":1,"id":"nul","annotations":{"a\u0000":"b"}}"#.utf8))
      try save("null", Array(#"{"format":1,"id":"null","annotations":null,"bundle":null}"#.utf8))
      try save("format", Array(#"{"format":2,"id":"format"}"#.utf8))
      _ = try store.reserve(ContainerID("half"))
      _ = try store.reserve(ContainerID("link"))
      #expect(unsafe symlink("status", "\(store.root)/link/status") == 0)
      #expect(unsafe mkdir("\(store.root)/.hidden", 0o700) == 0)
      #expect(unsafe mkdir("\(store.root)/no id", 0o700) == 0)
      try Data().write(to: URL(fileURLWithPath: "\(store.root)/file"))

      let (listed, warnings) = try list(store)
      let rest = "|/b/rootfs|2026-11-21T08:05:04.0Z|7"
      #expect(
        listed == [
          "ended|1.2.0|/b é\(rest)|stopped|-|a=b",
          "exact|1.2.0|/b é\(rest)|creating|-|a=b",
          "large|1.2.0|/b é\(rest)|creating|-|a=b",
          "null|||||0|creating|-",
          "plain|1.2.0|/b é\(rest)|creating|-|a=b",
          "quoted|1.2.0|/b \"quoted\"\n\(rest)|creating|-|x=a\"b|é\\=",
        ])
      let named = warnings.map { String($0.split(separator: ":")[1].dropFirst()) }
      let cut = text(record("cut")).count - 1
      #expect(
        Set(named)
          == [
            "cut-0", "cut-1", "cut-40", "cut-\(cut)", "more", "type", "nul", "format", "link",
            "file",
          ])
      #expect(named == named.sorted() && warnings.allSatisfy { $0.hasPrefix("list: ") })
    }
  }

  @Test func namesAreInTheirOrder() throws {
    try withStore { store in
      var random = SeededRandom("namesAreInTheirOrder")
      var ids: Set<String> = []
      let letters = Array("ab.B_-9+,")
      for _ in 0..<600 {
        let count = 1 + random.below(12)
        let id = String((0..<count).map { _ in letters[random.below(letters.count)] })
        guard let valid = try? ContainerID(id), ids.insert(id).inserted else { continue }
        try store.reserve(valid).write(ContainerDirectory.recordName, text(record(id)))
      }
      let expected = ids.filter { !$0.hasPrefix(".") }.sorted()
      #expect(try store.list().map(\.value) == expected)
      let (listed, warnings) = try list(store)
      #expect(listed.map { String($0.prefix { $0 != "|" }) } == expected)
      #expect(warnings == [])
    }
  }

  /// Damaged records, records that are read as a whole, and directories without one among many.
  @Test func helpersChangeNothingOfWhatIsListed() throws {
    try withStore { store in
      var random = SeededRandom("helpersChangeNothingOfWhatIsListed")
      for index in 0..<300 {
        let id = "c\(index)"
        var one = record(id)
        one.annotations["n"] = String(repeating: "x", count: random.below(3000))
        let kind = random.below(8)
        if kind == 0 { one.bundle = "/b \"quoted\"" }
        if kind == 1 { one.externalDescriptors = String(repeating: "x", count: 20_000) }
        if kind == 2 { one.pid = getpid() }
        if kind == 3 { (one.pid, one.startTime) = (getpid(), try #require(ownStartTime)) }
        var bytes = text(one)
        if kind == 4 { bytes.removeLast(1 + random.below(bytes.count - 1)) }
        let directory = try store.reserve(ContainerID(id))
        if kind != 5 { try directory.write(ContainerDirectory.recordName, bytes) }
      }
      let (listed, warnings) = try list(store, helpers: 0)
      #expect(listed.count > 150 && warnings.count > 10)
      for helpers in [1, 2, 3, nil] {
        for _ in 0..<5 * SeededRandom.scale {
          let other = try list(store, helpers: helpers)
          #expect(other.listed == listed)
          #expect(other.warnings == warnings)
        }
      }
    }
  }

  /// A container that is deleted meanwhile is there or not; it is no warning and moves no other.
  @Test func containersMayVanishWhileHelpersLook() throws {
    try withStore { store in
      let ids = (0..<200).map { "c\(1000 + $0)" }
      let lasting = ids.enumerated().filter { $0.offset % 3 != 0 }.map(\.element)
      for _ in 0..<5 * SeededRandom.scale {
        for id in ids where !File.exists("\(store.root)/\(id)") {
          try store.reserve(ContainerID(id)).write(
            ContainerDirectory.recordName, text(record(id)))
        }
        let vanishing = Set(ids).subtracting(lasting).sorted()
        var left = vanishing[...]
        let (listed, warnings) = try list(store, helpers: 2) { _ in
          // From the end, where the helpers are, and behind the first thread.
          for id in [left.popLast(), left.popFirst()].compactMap({ $0 }) {
            try store.open(ContainerID(id), lock: .exclusive).destroy()
          }
        }
        let names = listed.map { String($0.prefix { $0 != "|" }) }
        #expect(names == names.sorted() && Set(names).count == names.count)
        #expect(names.filter(lasting.contains) == lasting)
        #expect(Set(names).isSubset(of: ids))
        #expect(warnings == [])
      }
    }
  }

  private var ownStartTime: UInt64? { ProcessStatus(pid: getpid())?.startTime }

  /// What the outline takes, the record takes with the same values, whatever was done to the text.
  @Test func theOutlineSaysWhatTheRecordSays() throws {
    var random = SeededRandom("theOutlineSaysWhatTheRecordSays")
    var whole = record("one")
    whole.pid = 42
    whole.startTime = .max
    whole.startsAtOnce = true
    whole.isSettingUp = true
    whole.cgroups = ["": "/c/x", "freezer": "/f", "memory": "/m"]
    whole.machine = ["engine": "kvm"]
    whole.externalDescriptors = #"["/dev/null"]"#
    let original = text(whole)
    let pieces = [
      "null", "\"", "\\u0000", "\\", "{}", ",", "0", "-", "}", ":", "\u{0}", "é", "freezer", " ",
      #""format":1,"#, #""cgroups":{"freezer":"/f"},"#, #""annotations":{},"#,
    ].map { Array($0.utf8) }
    var taken = 0
    for _ in 0..<20_000 * SeededRandom.scale {
      var bytes = original
      for _ in 0..<1 + random.below(3) {
        let start = random.below(bytes.count)
        let end = min(bytes.count, start + random.below(4))
        switch random.below(4) {
        case 0: bytes.replaceSubrange(start..<end, with: pieces[random.below(pieces.count)])
        case 1: bytes.insert(contentsOf: pieces[random.below(pieces.count)], at: start)
        case 2: bytes[start] = UInt8(truncatingIfNeeded: random.next())
        default: bytes.removeSubrange(start..<end)
        }
        if bytes.isEmpty { bytes = original }
      }
      guard let outline = try? outline(bytes) else { continue }
      taken += 1
      guard let record = try? wholeRecord(bytes) else {
        Issue.record("taken by the outline alone: \(String(decoding: bytes, as: UTF8.self))")
        continue
      }
      func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
      #expect(string(outline.id) == record.id)
      #expect(string(outline.ociVersion) == record.ociVersion)
      #expect(string(outline.bundle) == record.bundle)
      #expect(string(outline.rootfs) == record.rootfs)
      #expect(string(outline.created) == record.created)
      #expect(outline.owner == record.owner)
      #expect(outline.pid == record.pid)
      #expect(outline.startTime == record.startTime)
      #expect(outline.startsAtOnce == record.startsAtOnce)
      #expect(outline.isSettingUp == record.isSettingUp)
      #expect(outline.hasFreezer == (record.cgroups["freezer"] != nil))
      let listed = ListedContainer(outline, .running)
      #expect(listed.annotations(bytes.span) == record.annotations)
    }
    #expect(taken > 0)
    #expect(throws: Never.self) { _ = try outline(original) }
  }

  private func outline(_ bytes: [UInt8]) throws -> RecordOutline {
    var reader = try JSONReader(bytes.span)
    let outline = try RecordOutline(&reader)
    try reader.finish()
    return outline
  }

  private func wholeRecord(_ bytes: [UInt8]) throws -> ContainerRecord {
    var reader = try JSONReader(bytes.span)
    let record = try ContainerRecord(&reader, withAllCgroups: false)
    try reader.finish()
    return record
  }
}
