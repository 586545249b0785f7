import Foundation
import Harness
import Testing

/// Every test of `--vm`. One after another: each boots a machine, and an emulated one takes a processor.
@Suite(.root, .swrunOnly, .machines, .serialized) struct Machines {
  static var engine: String { MachineSupport.own.engine }
  static var kernel: String { MachineSupport.own.kernel }

  /// A file that the long form of hack/testbed brings along.
  static func extra(_ name: String) -> String? {
    guard let directory = ProcessInfo.processInfo.environment["SWRUN_EXTRA"] else { return nil }
    let path = "\(directory)/\(name)"
    return access(path, F_OK) == 0 ? path : nil
  }
}

extension Trait where Self == ConditionTrait {
  static func extra(_ name: String) -> Self {
    .enabled(if: Machines.extra(name) != nil, "only hack/testbed --all has \(name)")
  }
}

extension Config {
  /// The same bundle in a virtual machine of its own.
  mutating func isolate(_ annotations: [String: String] = [:]) {
    // Seconds: emulated, and with all else that a loaded machine does, a boot takes many times as long.
    var standard = ["dev.swrun.isolation": "vm", "dev.swrun.vm.boot-timeout": "300"]
    standard["dev.swrun.vm.kernel"] = Isolation.kernel
    json["annotations"] = standard.merging(annotations) { $1 }
  }
}

extension Sandbox {
  /// A bundle that asks for a VM itself.
  func machine(_ edit: (inout Config) throws -> Void = { _ in }) throws -> Container {
    try container("vm", isolation: .annotation) {
      $0.isolate()
      $0.args("/bin/sleep", "1000")
      try edit(&$0)
    }
  }

  /// A VM whose process waits.
  func runningMachine(_ edit: (inout Config) throws -> Void = { _ in }) throws -> Container {
    let container = try machine(edit)
    try container.run("--detach", timeout: 360).ok("run --detach of a VM")
    return container
  }

  /// Runs a VM in the foreground.
  func runMachine(
    input: Input = .null, timeout: Double? = nil, _ edit: (inout Config) throws -> Void
  ) throws -> Outcome {
    try machine(edit).run(input: input, timeout: timeout)
  }
}

/// A refusal: a code, and an error that says these words. An engine's warning may stand before it.
func refused(
  _ result: Outcome, saying words: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(result.code != 0, "\(result)", sourceLocation: sourceLocation)
  for word in words {
    #expect(result.err.contains(word), "\(word) in \(result)", sourceLocation: sourceLocation)
  }
}
