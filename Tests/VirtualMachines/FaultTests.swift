import Foundation
import Harness
import Testing

/// What goes wrong is one clear error, and nothing is left.
extension Machines {
  @Suite struct Faults {
    @Test func noSuchKernel() throws {
      try withSandbox { box in
        let result = try box.runMachine {
          $0.isolate(["dev.swrun.vm.kernel": "/no/such/kernel"])
        }
        refused(result, saying: ["/no/such/kernel"])
      }
    }

    @Test(.enabled(if: Faults.kernelsAreInTheCache, "this machine has kernels of its own"))
    func noKernelAtAll() throws {
      try withSandbox { box in
        let container = try box.machine()
        let result = try box.spawn(
          ["run", "--bundle", container.bundle, container.id],
          environment: ["XDG_CACHE_HOME": box.path("empty")]
        ).finish()
        refused(result, saying: ["no guest kernel found: looked in", "/boot", "hack/kernel"])
        #expect(!container.hasState)
      }
    }

    /// Whether there is none elsewhere.
    private static let kernelsAreInTheCache = {
      let found = try? host("env", "XDG_CACHE_HOME=/nonexistent", Runtime.path, "features").out
      return found?.contains("\"none in /nonexistent/") == true
    }()

    @Test func aKernelThatIsNone() throws {
      try withSandbox { box in
        let path = box.path("kernel")
        try String(repeating: "no kernel ", count: 1000)
          .write(toFile: path, atomically: false, encoding: .utf8)
        refused(
          try box.runMachine { $0.isolate(["dev.swrun.vm.kernel": path]) }, saying: [path])
      }
    }

    @Test func anUnknownEngine() throws {
      try withSandbox { box in
        refused(
          try box.runMachine { $0.isolate(["dev.swrun.vm.engine": "abacus"]) },
          saying: ["abacus"])
      }
    }

    @Test func aNamespaceOfAnotherProcess() throws {
      try withSandbox { box in
        refused(
          try box.runMachine { $0.namespace("pid", path: "/proc/self/ns/pid") }, saying: ["pid"])
      }
    }

    @Test func aMissingSourceOfABindMount() throws {
      try withSandbox { box in
        refused(
          try box.runMachine { $0.bind("/no/such/source", "/mnt") }, saying: ["/no/such/source"])
      }
    }

    @Test func tooLittleMemory() throws {
      try withSandbox { box in
        refused(
          try box.runMachine { $0.isolate(["dev.swrun.vm.memory": "8"]) },
          saying: ["dev.swrun.vm.memory", "too little memory"])
      }
    }

    @Test func aKernelThatIsDamaged() throws {
      try withSandbox { box in
        let (path, kernel) = (box.path("kernel"), Machines.kernel)
        for (make, word) in [
          ("head -c 3000000 /dev/urandom", "neither a bzImage nor ELF"),
          ("head -c 3000000 \(kernel)", "kernel"), ("true", "0 bytes"),
        ] {
          try host("sh", "-c", "\(make) > \(path)").ok()
          refused(
            try box.runMachine { $0.isolate(["dev.swrun.vm.kernel": path]) }, saying: [path, word])
        }
      }
    }

    @Test func whatAMachineCannotHave() throws {
      try withSandbox { box in
        refused(try box.runMachine { $0.dropNamespace("network") }, saying: ["network namespace"])
        refused(
          try box.machine().run("--preserve-fds", "1"),
          saying: ["--preserve-fds=1", "cannot be passed into a VM"])
        refused(
          try box.runMachine { $0.mount("/mnt", type: "ext4", source: "/dev/sda1") },
          saying: ["mounts[", "ext4"])
        refused(
          try box.runMachine { $0["vm.image.path"] = "/disk" }, saying: ["vm.image.path"])
      }
    }

    @Test func aGuestThatPanics() throws {
      try withSandbox { box in
        let container = try box.machine { $0["vm.kernel.parameters"] = ["rdinit=/no/such/init"] }
        container.config["vm.kernel.path"] = Isolation.kernel ?? Machines.kernel
        try container.write()
        let result = try container.run()
        refused(result, saying: ["last console lines", "panic"])
        #expect(result.code == 255)
        // The line that says why is far above the last ones of a panic.
        #expect(result.err.contains(": Kernel panic - not syncing"))
      }
    }

    @Test func aGuestThatPanicsWhileItsContainerRuns() throws {
      try withSandbox { box in
        let container = try box.machine {
          $0["linux.readonlyPaths"] = [String]()
          $0.sh("echo before; echo c > /proc/sysrq-trigger; sleep 1000")
        }
        let result = try container.run()
        refused(result, saying: [": Kernel panic - not syncing: sysrq", "last console lines"])
        #expect(result.code == 255 && result.out == "before\n", "\(result)")
        #expect(!container.hasState)
      }
    }

    @Test func aGuestWithoutEnoughMemory() throws {
      try withSandbox { box in
        let container = try box.machine { $0["vm.kernel.parameters"] = ["mem=28M"] }
        container.config["vm.kernel.path"] = Isolation.kernel ?? Machines.kernel
        try container.write()
        let result = try container.run()
        refused(
          result, saying: ["512 MiB are too little memory", "linux.resources.memory.limit"])
        #expect(result.code == 255)
        #expect(!container.hasState)
      }
    }

    @Test func aGuestThatNeverAnswers() throws {
      try withSandbox { box in
        let kernel = try StuckKernel.make(in: box)
        let container = try box.machine {
          $0.isolate(["dev.swrun.vm.boot-timeout": "4", "dev.swrun.vm.kernel": kernel])
        }
        let result = try container.run()
        refused(result, saying: ["the guest's agent did not answer within 4000 ms", kernel])
        // A machine that did not even begin in that time has said nothing.
        #expect(
          result.err.contains("last console lines:\n  \(StuckKernel.line)")
            || result.err.contains("console is empty"), "\(result)")
        #expect(result.code == 255)
        #expect(!container.hasState)
      }
    }
  }
}
