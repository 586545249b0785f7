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
        refused(try box.runMachine { $0.isolate(["dev.swrun.vm.memory": "1"]) })
      }
    }
  }
}
