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

    /// Each of the host's changes, by a guest that has looked at all of it before.
    @Test(arguments: ["auto", "none"]) func whatTheHostChangesIsSeen(cache: String) throws {
      try withSandbox { box in
        let shared = box.path("shared")
        mkdir(shared, 0o755)
        func write(_ name: String, _ text: String) throws {
          try text.write(toFile: "\(shared)/\(name)", atomically: false, encoding: .utf8)
        }
        for name in ["content", "size", "gone", "from", "mode", "open"] { try write(name, "one\n") }
        let container = try box.machine {
          $0.isolate(["dev.swrun.vm.cache": cache])
          $0.bind(shared, "/mnt/shared", "ro")
          $0.sh(
            """
            cd /mnt/shared; exec 3< open; cat content size gone from open; ls -l . new to
            await() { until eval "$1"; do usleep 10000; done; echo "$2"; }
            echo ready
            await '[ "$(cat content)" = two ]' content
            await '[ $(stat -c %s size) = 3 ]' size
            await '[ -e new ]' new
            await '[ ! -e gone ]' gone
            await '[ -e to -a ! -e from ]' renamed
            await '[ $(stat -c %a mode) = 600 ]' mode
            await '[ "$(ls | wc -l)" = 6 ]' listed
            await 'read -r line <&3 && [ "$line" = two ]' open
            echo end; sleep 1000
            """)
        }
        try container.run("--detach", timeout: 360).ok("run --detach of a VM")
        #expect(container.waitsForOutput("ready", timeout: 120), "\(container.output())")
        try write("content", "two\n")
        try write("size", "tw\n")
        try write("new", "")
        unlink(shared + "/gone")
        rename(shared + "/from", shared + "/to")
        chmod(shared + "/mode", 0o600)
        try write("open", "one\ntwo\n")
        #expect(container.waitsForOutput("end", timeout: 120), "\(container.output())")
        let told = container.output().split(separator: "\n").map(String.init).suffix(9)
        #expect(
          told == [
            "content", "size", "new", "gone", "renamed", "mode", "listed", "open", "end",
          ])
      }
    }

    @Test func anUnknownCacheModeIsRefused() throws {
      try withSandbox { box in
        let result = try box.runMachine { $0.isolate(["dev.swrun.vm.cache": "writeback"]) }
        refused(result, saying: ["dev.swrun.vm.cache", "writeback", "none, auto or always"])
      }
    }
  }
}
