import Foundation
import Harness
import Testing

/// Which backend runs a bundle, and how a person follows what happens.
@Suite(.root, .swrunOnly) struct Isolation {
  @Test func theAnnotationChooses() throws {
    try withSandbox { box in
      let vm = try box.run { $0["annotations"] = ["dev.swrun.isolation": "vm"] }
      refused(vm, saying: ["vm"])
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
      let container = try box.container()
      let result = try box.spawn(
        ["run", "-b", container.bundle, container.id], runtime: [box.path("swrun-vm")]
      ).finish()
      refused(result, saying: ["vm"])
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
