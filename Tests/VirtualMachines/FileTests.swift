import Foundation
import Harness
import Testing

/// The root file system and bind mounts of a VM, seen from both sides.
extension Machines {
  @Suite struct Files {
    @Test func whatTheGuestWritesIsOnTheHost() throws {
      try withSandbox { box in
        let container = try box.machine {
          $0["root.readonly"] = false
          $0.capabilities(["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"])
          $0.sh(
            """
            set -e
            mkdir /made && echo text > /made/file && chmod 640 /made/file && chown 1000:2000 /made/file
            ln /made/file /made/hard && ln -s file /made/soft && mkfifo /made/fifo
            mv /made/hard /made/moved && cat /made/soft /seed
            head -c 3000000 /dev/urandom > /made/big && md5sum < /made/big
            rm /seed && ls /made
            """)
        }
        try container.put("seed", "from the host\n")
        let result = try container.run()
        #expect(result.code == 0, "\(result)")
        #expect(result.lines.prefix(2) == ["text", "from the host"], "\(result)")
        #expect(result.lines.suffix(5) == ["big", "fifo", "file", "moved", "soft"])
        let made = container.rootfs + "/made"
        let status = try host("stat", "-c", "%a %u:%g %h", made + "/file")
        #expect(status.line == "640 1000:2000 2", "\(status)")
        let sum = try host("sh", "-c", "md5sum < \(made)/big").line
        #expect(result.lines.count > 2 && result.lines[2] == sum, "\(result)")
        #expect(Machine.read(container.rootfs + "/seed") == nil)
      }
    }

    @Test func aReadOnlyRootStaysAsItIs() throws {
      try withSandbox { box in
        let container = try box.machine {
          $0.capabilities(["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])
          $0.sh("touch /x; mount -o remount,rw /; touch /x; rm /bin/busybox; ls /bin/busybox")
        }
        let result = try container.run()
        #expect(result.line == "/bin/busybox", "\(result)")
        #expect(result.err.contains("ead-only"), "\(result)")
        #expect(access(container.rootfs + "/x", F_OK) != 0)
      }
    }

    @Test func bindMountsOfDirectoriesAndFiles() throws {
      try withSandbox { box in
        let (folder, fixed, single) = (box.path("folder"), box.path("fixed"), box.path("single"))
        for path in [folder, fixed] { mkdir(path, 0o755) }
        try "single\n".write(toFile: single, atomically: false, encoding: .utf8)
        try "fixed\n".write(toFile: fixed + "/name", atomically: false, encoding: .utf8)
        let result = try box.runMachine {
          $0.bind(folder, "/mnt/folder", "rw")
          $0.bind(fixed, "/mnt/fixed", "ro")
          $0.bind(single, "/mnt/single", "rw")
          $0["root.readonly"] = false
          $0.sh(
            "cat /mnt/single /mnt/fixed/name; echo more >> /mnt/single; echo new > /mnt/folder/new; echo no > /mnt/fixed/name; true"
          )
        }
        #expect(result.lines == ["single", "fixed"], "\(result)")
        #expect(result.err.contains("ead-only"), "\(result)")
        #expect(Machine.read(single) == "single\nmore\n")
        #expect(Machine.read(folder + "/new") == "new\n")
        #expect(Machine.read(fixed + "/name") == "fixed\n")
      }
    }

    @Test func whatTheHostChangesIsSeen() throws {
      try withSandbox { box in
        let container = try box.runningMachine()
        try container.put("late", "one\n")
        #expect(try container.exec([], "cat", "/late").line == "one")
        try container.put("late", "two and more\n")
        #expect(
          eventually(timeout: 60) {
            (try? container.exec([], "cat", "/late").line) == "two and more"
          })
      }
    }
  }
}
