import CLinux
import Testing

@testable import FileServer

@Suite struct DirectoryTests {
  @Test(arguments: [512, 4096, 32768] as [UInt32], [false, true])
  func everyEntryOnce(_ size: UInt32, _ plus: Bool) throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      var expected: Set<String> = [".", ".."]
      for index in 0..<700 {
        let name = "\(index)-" + String(repeating: "x", count: index % 200)
        fixture.write("rootfs/" + name, "")
        expected.insert(name)
      }
      let entries = try client.list(root, size: size, plus: plus)
      #expect(entries.count == expected.count)
      #expect(Set(entries.map(\.name)) == expected)
      guard plus else { return }
      for entry in entries where entry.name != "." && entry.name != ".." {
        #expect(entry.node != 0)
        let known = try client.lookup(root, entry.name)
        #expect(known.nodeid == entry.node && known.attr.ino == entry.inode)
        try client.forget(entry.node, 2)
        #expect(refusal { _ = try client.attributes(entry.node) } == ESTALE)
      }
    }
  }

  @Test func seeking() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for index in 0..<300 { fixture.write("rootfs/file\(index)", "") }
      let all = try client.list(root)
      let handle = try client.openDirectory(root)
      // Any cookie, in any order, goes on where it was given.
      for index in [0, 250, 3, 100, 101, 299, 1] {
        let part = try client.readDirectory(handle, at: all[index].cookie)
        #expect(part.first == all[index + 1])
      }
      #expect(try client.readDirectory(handle, at: all.last!.cookie).isEmpty)
      #expect(try client.readDirectory(handle, at: 0).first == all.first)
      // The start is the directory as it is now.
      fixture.write("rootfs/later", "")
      var seen: [Client.Entry] = []
      while true {
        let part = try client.readDirectory(handle, at: seen.last?.cookie ?? 0)
        if part.isEmpty { break }
        seen += part
      }
      #expect(seen.contains { $0.name == "later" })
      #expect(refusal { _ = try client.readDirectory(handle, at: 0, size: 10) } == EINVAL)
    }
  }

  /// More directories are open than there are buffers for.
  @Test func manyAtOnce() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for index in 0..<200 { fixture.write("rootfs/file\(index)", "") }
      let expected = Set(try client.list(root).map(\.name))
      let handles = try (0..<100).map { _ in try client.openDirectory(root) }
      var seen = [[Client.Entry]](repeating: [], count: handles.count)
      var isDone = false
      while !isDone {
        isDone = true
        for (index, handle) in handles.enumerated() {
          let part = try client.readDirectory(
            handle, at: seen[index].last?.cookie ?? 0, size: 1000)
          if !part.isEmpty { isDone = false }
          seen[index] += part
        }
      }
      for names in seen {
        #expect(names.count == expected.count && Set(names.map(\.name)) == expected)
      }
    }
  }
}
