import CLinux
import Testing

@testable import FileServer

/// Whose the files are that a guest makes, and what a write takes away.
@Suite(.enabled(if: geteuid() == 0)) struct IdentityTests {
  @Test func filesBelongToTheCaller() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      for (uid, gid) in [(1000, 1001), (0, 0), (0, 5), (65_534, 65_534)] as [(UInt32, UInt32)] {
        client.uid = uid
        client.gid = gid
        let entries = [
          try client.create(root, "f\(uid).\(gid)", mode: 0o666, umask: 0o027).entry,
          try client.makeDirectory(root, "d\(uid).\(gid)", mode: 0o777, umask: 0o027),
          try client.makeNode(
            root, "p\(uid).\(gid)", mode: UInt32(S_IFIFO) | 0o666, umask: 0o027),
          try client.makeSymbolicLink(root, "l\(uid).\(gid)", to: "x"),
          try client.create(root, "/", mode: 0o666, umask: 0o027, opcode: FUSE_TMPFILE).entry,
        ]
        for entry in entries {
          #expect(entry.attr.uid == uid && entry.attr.gid == gid)
        }
        #expect(entries.map { $0.attr.mode & 0o7777 } == [0o640, 0o750, 0o640, 0o777, 0o640])
      }
      // The thread is itself again.
      var ids: (UInt32, UInt32, UInt32) = (9, 9, 9)
      getresuid(&ids.0, &ids.1, &ids.2)
      #expect(ids == (0, 0, 0))
      var sets = cl_capability_sets()
      cl_capget(&sets)
      #expect(sets.effective == sets.permitted)
    }
  }

  /// The guest's kernel decides who may do what: the host does not ask again.
  @Test func permissionsAreTheGuests() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let closed = try client.makeDirectory(root, "closed", mode: 0o700).nodeid
      client.uid = 1000
      client.gid = 1000
      let made = try client.create(closed, "f", mode: 0)
      #expect(made.entry.attr.uid == 1000)
      #expect(try client.write(made.open.fh, at: 0, [1]) == 1)
      _ = try client.open(made.entry.nodeid, O_RDWR)
    }
  }

  @Test func setGroupDirectories() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let directory = try client.makeDirectory(root, "g", mode: 0o777, umask: 0).nodeid
      #expect(chown(fixture.path + "/rootfs/g", 0, 77) == 0)
      #expect(chmod(fixture.path + "/rootfs/g", 0o2777) == 0)
      client.uid = 1000
      client.gid = 1000
      let file = try client.create(directory, "f", mode: 0o2775, umask: 0).entry.attr
      #expect(file.gid == 77)
      // CVE-2022-0358: not a member, so no set-group-ID.
      #expect(file.mode & 0o7777 == 0o775)
      let below = try client.makeDirectory(directory, "d", umask: 0).attr
      #expect(below.gid == 77 && below.mode & 0o7777 == 0o2755)
      // As a member, which newer kernels tell.
      var arguments = fuse_create_in()
      arguments.flags = UInt32(bitPattern: O_RDWR | O_CREAT)
      arguments.mode = 0o2775
      var body = bytes(arguments) + text("member!")
      var groups = cl_fuse_supp_groups()
      groups.header.size = 16
      groups.header.type = UInt32(CL_FUSE_EXT_GROUPS)
      groups.count = 1
      groups.group = 77
      body += bytes(groups)
      let reply = try client.send(FUSE_CREATE, directory, body, extensions: 2)
      #expect(value(fuse_entry_out.self, in: reply).attr.mode & 0o7777 == 0o2775)
      #expect(getgroups(0, nil) == 0)
      // Extensions that are not there.
      #expect(
        refusal {
          try client.send(FUSE_CREATE, directory, bytes(arguments) + text("x"), extensions: 9)
        }
          == EINVAL)
    }
  }

  /// Linux 6.0 to 6.2 take set-group-ID from the mode of those who are no members, and tell no groups.
  @Test func setGroupOfGuestsThatTellNoGroups() throws {
    try onServingThread {
      let fixture = try Fixture()
      for (minor, mode) in [(36, 0o775), (37, 0o2775)] as [(UInt32, UInt32)] {
        let client = try Client(
          fixture.server, flags: .max >> 1 & ~CL_FUSE_CREATE_SUPP_GROUP, minor: minor)
        let root = try client.walk("rootfs")
        let directory = try client.makeDirectory(root, "g\(minor)", mode: 0o777, umask: 0).nodeid
        #expect(chown(fixture.path + "/rootfs/g\(minor)", 0, 77) == 0)
        #expect(chmod(fixture.path + "/rootfs/g\(minor)", 0o2777) == 0)
        client.uid = 1000
        client.gid = 1000
        let file = try client.create(directory, "f", mode: 0o2775, umask: 0).entry.attr
        #expect(file.gid == 77 && file.mode & 0o7777 == mode)
        let node = try client.makeNode(directory, "n", mode: UInt32(S_IFREG) | 0o2775).attr
        #expect(node.gid == 77 && node.mode & 0o7777 == mode)
      }
    }
  }

  @Test func writesTakeSetUserIDAway() throws {
    try onServingThread {
      let fixture = try Fixture()
      let client = try Client(fixture.server)
      let root = try client.walk("rootfs")
      let made = try client.create(root, "f", mode: 0o755)
      let node = made.entry.nodeid
      func setMode() throws {
        var change = fuse_setattr_in()
        change.valid = UInt32(FATTR_MODE | FATTR_UID | FATTR_GID)
        change.mode = 0o6755
        change.uid = 1000
        change.gid = 1000
        #expect(try client.change(node, change).mode & 0o7777 == 0o6755)
      }
      func mode(after body: () throws -> Void) throws -> UInt32 {
        // By the server: this thread may have given up what chmod needs.
        try setMode()
        try body()
        return try client.attributes(node).mode & 0o7777
      }
      client.gid = 5
      #expect(try mode { try client.write(made.open.fh, at: 0, [1]) } == 0o6755)
      let kill = FUSE_WRITE_KILL_SUIDGID
      #expect(try mode { try client.write(made.open.fh, at: 0, [1], writeFlags: kill) } == 0o755)
      #expect(try mode { _ = try client.open(node, O_RDWR | O_TRUNC) } == 0o6755)
      #expect(
        try mode {
          try client.write(made.open.fh, at: 0, [1])
          try setMode()
          _ = try client.open(node, O_RDWR | O_TRUNC, openFlags: FUSE_OPEN_KILL_SUIDGID)
        } == 0o755)
      var change = fuse_setattr_in()
      change.size = 100
      change.valid = UInt32(FATTR_SIZE)
      #expect(try mode { try client.change(node, change) } == 0o6755)
      change.size = 50
      change.valid |= UInt32(FATTR_KILL_SUIDGID)
      #expect(try mode { try client.change(node, change) } == 0o755)
      change.valid = UInt32(FATTR_UID)
      change.uid = 1001
      #expect(try mode { try client.change(node, change) } == 0o755)
      // Both at once: the mode is what was asked for.
      change.valid |= UInt32(FATTR_MODE)
      change.mode = 0o4711
      #expect(try mode { try client.change(node, change) } == 0o4711)
      // A change of owner to nobody else.
      change = fuse_setattr_in()
      #expect(try mode { try client.change(node, change) } == 0o755)
      // A capability goes with any write, root's too.
      let capability: [UInt8] = [1, 0, 0, 2, 0, 4] + [UInt8](repeating: 0, count: 14)
      try client.setAttribute(node, "security.capability", capability)
      #expect(try client.attribute(node, "security.capability") == capability)
      try client.write(made.open.fh, at: 0, [2])
      #expect(refusal { _ = try client.attribute(node, "security.capability") } == ENODATA)
      // The guest's kernel takes it before a write of root, which leaves set-user-ID; what it asks for
      // next is no change of owner. The one after that is.
      change = fuse_setattr_in()
      #expect(
        try mode {
          try client.setAttribute(node, "security.capability", capability)
          try client.send(FUSE_REMOVEXATTR, node, text("security.capability"))
          try client.change(node, change)
        } == 0o6755)
      #expect(try mode { try client.change(node, change) } == 0o755)
    }
  }
}
