import CLinux
import Linux
import Testing

@testable import FileServer

/// File systems that are mounted below a share.
@Suite(.enabled(if: geteuid() == 0)) struct MountTests {
  /// A scratch directory with two file systems in its share, `m` and `n`.
  private static func fixture() throws -> Fixture {
    let fixture = try Fixture(isBounded: true)
    for name in ["m", "n"] {
      let path = fixture.path + "/rootfs/" + name
      mkdir(path, 0o755)
      try system("mount", path) { cl_mount("inner", path, "tmpfs", 0, "size=1m") }
      fixture.write("rootfs/\(name)/file", name)
    }
    return fixture
  }

  @Test func areEntered() throws {
    try onServingThread {
      let fixture = try Self.fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let inner = try client.lookup(root, "m")
      // Linux has no access control lists in a submount.
      #expect(inner.attr.flags == 0)
      // As in a listing: the same node.
      let listed = try client.list(root, plus: true)
      #expect(listed.first { $0.name == "m" }?.node == inner.nodeid)
      let other = try client.walk("rootfs/n")
      #expect(refusal { try client.rename(inner.nodeid, "file", other, "x") } == EXDEV)
      let node = try client.lookup(inner.nodeid, "file").nodeid
      #expect(refusal { _ = try client.link(node, root, "x") } == EXDEV)
      let status = value(
        fuse_statfs_out.self, in: try client.send(FUSE_STATFS, inner.nodeid))
      #expect(status.st.blocks * UInt64(status.st.bsize) == 1 << 20)
      #expect(refusal { try client.send(FUSE_RMDIR, root, text("m")) } == EBUSY)
    }
  }

  /// The guest sees one file system: it gets numbers that do not collide.
  @Test func numbersAreTheirOwn() throws {
    try onServingThread {
      let fixture = try Self.fixture()
      let client = try Client(fixture.server)
      let nodes = try ["rootfs/m/file", "rootfs/n/file"].map { try client.walk($0) }
      let numbers = try nodes.map { try client.attributes($0).ino }
      #expect(
        number(fixture, "rootfs/m/file") == number(fixture, "rootfs/n/file"))
      #expect(numbers[0] != numbers[1])
      let directory = try client.walk("rootfs/m")
      // Those of the first share's file system are the host's.
      #expect(try client.attributes(client.walk("rootfs")).ino == number(fixture, "rootfs"))
      let listed = try client.list(directory).first { $0.name == "file" }
      #expect(listed?.inode == numbers[0])
    }
  }
}

/// The inode number on the host; 0 for what is not there.
private func number(_ fixture: Fixture, _ name: String) -> UInt64 {
  fixture.status(name).map { UInt64($0.st_ino) } ?? 0
}
