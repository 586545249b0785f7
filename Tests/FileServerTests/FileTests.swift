import CLinux
import Testing

@testable import FileServer

@Suite struct FileTests {
  @Test func createWriteReadRelease() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let made = try client.create(root, "a", mode: 0o666)
      #expect(made.entry.attr.mode == UInt32(S_IFREG) | 0o644)
      #expect(try client.write(made.open.fh, at: 0, Array("hello".utf8)) == 5)
      #expect(try client.write(made.open.fh, at: 10, [33]) == 1)
      #expect(
        try client.read(made.open.fh, at: 0, 100) == Array("hello".utf8) + [0, 0, 0, 0, 0, 33])
      #expect(try client.read(made.open.fh, at: 11, 100) == [])
      #expect(fixture.read("rootfs/a") == "hello\0\0\0\0\0!")
      try client.release(made.open.fh)
      #expect(refusal { _ = try client.read(made.open.fh, at: 0, 1) } == EBADF)
      #expect(refusal { try client.release(made.open.fh) } == EBADF)
    }
  }
}
