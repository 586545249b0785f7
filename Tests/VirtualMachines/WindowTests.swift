import Foundation
import Harness
import Testing

/// The DAX window: files of the host in the guest's memory.
extension Machines {
  @Suite struct Window {
    static let annotation = "dev.swrun.vm.dax"

    @Test(.enabled(if: Machines.engine == "kvm", "only our own VMM has a window"))
    func filesAreMapped() throws {
      try withSandbox { box in
        let shared = try Self.share(box)
        let machine = try box.runningMachine {
          $0.isolate([Self.annotation: "64"])
          $0.bind(shared, "/mnt/shared", "rw")
          $0.sh(
            "md5sum < /mnt/shared/file; echo changed | dd of=/mnt/shared/file conv=notrunc; sleep 1000"
          )
        }
        #expect(machine.waitsForOutput("-", timeout: 120), "\(machine.output())")
        let changed = eventually(timeout: 60) {
          Machine.read(shared + "/file")?.hasPrefix("changed\n") == true
        }
        #expect(changed)
        let pid = try machine.pid()
        let maps = Machine.read("/proc/\(pid)/maps") ?? ""
        // The last part of the name: the share is a tree of its own.
        #expect(maps.contains("/file\n"), "\(maps)")
        #expect(!maps.contains("rwx") && !maps.contains("rwxs"), "\(maps)")
      }
    }

    /// The guest's kernel cannot know, and KVM would let it try for ever; its end is told, and the host's process meets no SIGBUS.
    @Test(.enabled(if: Machines.engine == "kvm", "only our own VMM has a window"))
    func aFileThatTheHostMakesShorterEndsTheMachine() throws {
      try withSandbox { box in
        let shared = try Self.share(box)
        let machine = try box.machine {
          $0.isolate([Self.annotation: "64", "dev.swrun.vm.cache": "always"])
          $0.bind(shared, "/mnt/shared", "ro")
          $0.sh(
            """
            exec 3< /mnt/shared/file; head -c 100000 <&3 >/dev/null; echo ready
            while :; do cat /mnt/shared/file >/dev/null; done
            """)
        }
        let run = try machine.start(foreground: [])
        try run.expect("ready", timeout: 120)
        #expect(truncate(shared + "/file", 4096) == 0)
        let result = try run.finish(timeout: 30)
        #expect(result.code != 0)
        #expect(
          result.err.contains("memory that is not there (a file in its DAX window"), "\(result)")
      }
    }

    @Test func whatIsNoSize() throws {
      try withSandbox { box in
        for value in ["much", "-2", "3", "1G", "1048576"] {
          let result = try box.runMachine { $0.isolate([Self.annotation: value]) }
          refused(result, saying: [Self.annotation, value])
        }
      }
    }

    @Test(.enabled(if: Machines.engine == "qemu", "of the engine qemu"))
    func qemuHasNone() throws {
      try withSandbox { box in
        let result = try box.runMachine { $0.isolate([Self.annotation: "64"]) }
        refused(result, saying: [Self.annotation, "engine qemu", "leave it out"])
      }
    }

    /// A directory with a file of 4 MiB.
    private static func share(_ box: Sandbox) throws -> String {
      let shared = box.path("shared")
      mkdir(shared, 0o755)
      try Data(repeating: 7, count: 4 << 20).write(to: URL(fileURLWithPath: shared + "/file"))
      return shared
    }
  }
}
