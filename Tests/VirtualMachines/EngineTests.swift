import Harness
import Testing

/// Which engine and which kernel a VM gets.
extension Machines {
  @Suite struct Engine {
    @Test(.testbed) func theTestbedRunsKVM() throws {
      let annotations = MachineSupport.own.annotations
      #expect(annotations["dev.swrun.vm.engine.kvm"] == "usable", "\(annotations)")
      #expect(Machines.engine == "kvm")
      #expect(Machines.kernel.hasPrefix("/boot/vmlinu"), "\(Machines.kernel)")
    }

    @Test func theGuestHasItsOwnKernel() throws {
      try withSandbox { box in
        let result = try box.runMachine { $0.sh("uname -sr; cat /proc/sys/kernel/random/boot_id") }
        let own = try host("cat", "/proc/sys/kernel/random/boot_id").line
        #expect(result.code == 0 && result.lines.count == 2, "\(result)")
        #expect(result.lines.first?.hasPrefix("Linux ") == true)
        #expect(result.lines.last != own, "the guest's kernel has not booted by itself")
      }
    }

    @Test(.testbed, arguments: ["vmlinuz", "vmlinux"]) func theDistributionsKernel(name: String)
      throws
    {
      let version = try host("uname", "-r").line
      try withSandbox { box in
        let result = try box.runMachine {
          $0.isolate(["dev.swrun.vm.kernel": "/boot/\(name)-\(version)"])
          $0.sh("uname -r")
        }
        #expect(result.line == version, "\(result)")
      }
    }

    @Test(.extra("vmlinux")) func theSmallKernel() throws {
      try withSandbox { box in
        let result = try box.runMachine {
          $0.isolate(["dev.swrun.vm.kernel": Machines.extra("vmlinux")!])
          $0.sh("uname -s; exit 3")
        }
        #expect(result.code == 3 && result.line == "Linux", "\(result)")
      }
    }

    @Test func memoryAndProcessors() throws {
      try withSandbox { box in
        let result = try box.runMachine {
          $0.isolate(["dev.swrun.vm.vcpus": "2"])
          $0["linux.resources.memory"] = ["limit": 256 << 20]
          $0.sh("nproc; sed -n 's/MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo")
        }
        let numbers = result.lines.compactMap { Int($0) }
        #expect(numbers.count == 2 && numbers[0] == 2, "\(result)")
        #expect((200 << 10..<1024 << 10).contains(numbers.last ?? 0), "MiB of the guest: \(result)")
      }
    }
  }
}
