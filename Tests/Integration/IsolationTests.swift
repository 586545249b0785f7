import Foundation
import Harness
import Testing

/// Which backend runs a bundle, and how a person follows what happens.
@Suite(.root, .swrunOnly) struct Isolation {
  /// Refused by the VM backend alone, before anything boots: it tells that this backend was chosen.
  private static let notForMachines = ["dev.swrun.vm.engine": "nosuchengine"]

  @Test func theAnnotationChooses() throws {
    try withSandbox { box in
      let vm = try box.run {
        $0["annotations"] = Self.notForMachines.merging(["dev.swrun.isolation": "vm"]) { $1 }
      }
      refused(vm, saying: ["nosuchengine"])
      let container = try box.run {
        $0["annotations"] = ["dev.swrun.isolation": "container"]
        $0.sh("exit 4")
      }
      #expect(container.code == 4, "\(container)")
      refused(
        try box.run { $0["annotations"] = ["dev.swrun.isolation": "nosuch"] }, saying: ["nosuch"])
    }
  }

  @Test func theFlagBeatsTheAnnotation() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["annotations"] = ["dev.swrun.isolation": "vm"]
        $0.sh("exit 5")
      }
      #expect(try container.run("--container").code == 5)
    }
  }

  @Test func theNameOfTheProgramChooses() throws {
    try withSandbox { box in
      symlink(Runtime.path, box.path("swrun-vm"))
      let container = try box.container { $0["annotations"] = Self.notForMachines }
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], runtime: [box.path("swrun-vm")]
      ).finish()
      refused(result, saying: ["nosuchengine"])
    }
  }

  @Test func aSectionForMachinesChooses() throws {
    try withSandbox { box in
      let vm = try box.run {
        $0["annotations"] = Self.notForMachines
        $0["vm"] = ["kernel": ["path": "/nosuchkernel"]]
      }
      refused(vm, saying: ["nosuchengine"])
    }
  }

  @Test func aRuleOfThePolicyFileChooses() throws {
    try withSandbox { box in
      let policy = box.path("policy.json")
      try #"""
      {"rules": [{"annotations": {"org.example.trust": "no*"}, "isolation": "vm"},
                 {"id": "*", "isolation": "container"}]}
      """#.write(toFile: policy, atomically: false, encoding: .utf8)
      func run(_ trust: String) throws -> Outcome {
        let container = try box.container {
          $0["annotations"] = Self.notForMachines.merging(["org.example.trust": trust]) { $1 }
          $0.sh("exit 6")
        }
        return try box.swrun("--policy", policy, "run", "-b", container.bundle, container.id)
      }
      refused(try run("none"), saying: ["nosuchengine"])
      #expect(try run("full").code == 6)
      // Whoever may write to it could take the isolation away.
      chmod(policy, 0o666)
      refused(try run("full"), saying: [policy])
    }
  }

  @Test func aTraceHasALineAStep() throws {
    try withSandbox { box in
      let container = try box.container { $0.sh("exit 2") }
      let result = try container.run("--trace")
      #expect(result.code == 2)
      #expect(result.errLines.count >= 3, "\(result)")
      #expect(result.errLines.allSatisfy { $0.contains(where: \.isNumber) }, "\(result)")
    }
  }
}
