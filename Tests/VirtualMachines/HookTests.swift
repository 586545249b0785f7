import Foundation
import Harness
import Testing

/// Hooks of the host run on the host, with the VMM's pid; startContainer runs in the guest.
extension Machines {
  @Suite struct Hooks {
    @Test func eachKindRunsWhereTheSpecSays() throws {
      try withSandbox { box in
        let kinds = ["prestart", "createRuntime", "poststart", "poststop"]
        let container = try box.machine {
          $0["root.readonly"] = false
          for kind in kinds {
            let script = """
              cat > \(box.path(kind)); readlink /proc/self/ns/pid /proc/self/ns/mnt > \(box.path(kind)).ns
              echo \(kind) >> \(box.path("order"))
              """
            $0["hooks.\(kind)"] =
              [["path": "/bin/sh", "args": ["sh", "-c", script]] as [String: Any]]
          }
          $0["hooks.startContainer"] = [
            [
              "path": "/bin/sh", "env": ["PATH=/bin", "ONLY=this"],
              "args": [
                "sh", "-c",
                "cat > /state; cat /proc/sys/kernel/random/boot_id > /kernel; env > /variables",
              ],
            ] as [String: Any]
          ]
          $0.sh("test -e /state && cat /proc/sys/kernel/random/boot_id")
        }
        try container.create().ok("create")
        let pid = try container.pid()
        #expect(Machine.read(box.path("order")) == "prestart\ncreateRuntime\n")
        #expect(Machine.read(container.rootfs + "/state") == nil, "only start runs startContainer")
        try container.start().ok("start")
        #expect(container.waits(for: "stopped"))
        try container.delete().ok("delete")
        #expect(Machine.read(box.path("order")) == kinds.map { $0 + "\n" }.joined())

        let own = ["pid", "mnt"].map { (ProcessView(getpid()).namespace($0) ?? "") + "\n" }.joined()
        for kind in kinds {
          let state = try self.state(box.path(kind))
          #expect(state["id"] as? String == container.id, "\(kind)")
          #expect(state["bundle"] as? String == container.bundle, "\(kind)")
          if kind != "poststop" { #expect(state["pid"] as? Int == Int(pid), "\(kind)") }
          #expect(Machine.read(box.path(kind) + ".ns") == own, "\(kind) runs on the host")
        }
        // In the guest: its kernel, and the container's root file system.
        let kernel = Machine.read(container.rootfs + "/kernel")
        #expect(kernel == container.output() && kernel?.isEmpty == false)
        // Not by its version: the testbed's own kernel is the guest's as well.
        #expect(kernel != Machine.read("/proc/sys/kernel/random/boot_id"))
        #expect(try state(container.rootfs + "/state")["id"] as? String == container.id)
        #expect(Machine.read(container.rootfs + "/variables")?.contains("ONLY=this") == true)
      }
    }

    private func state(_ path: String) throws -> [String: Any] {
      let text = Machine.read(path) ?? "{}"
      return try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
    }
  }
}
