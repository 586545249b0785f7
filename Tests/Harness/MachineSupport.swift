import Foundation

/// What `features` of a runtime says about virtual machines on this machine.
public struct MachineSupport: Sendable {
  public let annotations: [String: String]

  /// That of the runtime under test.
  public static let own = MachineSupport(of: Runtime.path)

  /// Nothing is usable with a runtime that has no `features`, or not these.
  public init(of runtime: String) {
    guard let result = try? host(runtime, "features"),
      let object = try? JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    else {
      annotations = [:]
      return
    }
    annotations = object["annotations"] as? [String: String] ?? [:]
  }

  /// The engine that is taken by itself: `kvm`, `qemu` or `none`.
  public var engine: String { annotations["dev.swrun.vm.engine"] ?? "none" }
  /// The path of the guest's kernel, or why there is none.
  public var kernel: String { annotations["dev.swrun.vm.kernel"] ?? "none" }
  public var isUsable: Bool { engine != "none" && kernel.hasPrefix("/") }
}
