internal import Linux

/// What can run a VM on this machine, for `features`.
public struct EngineReport {
  /// By the names that `features` prints: each engine with `usable` or why not, the one that is
  /// taken by itself, and the kernel.
  public let annotations: [String: String]

  /// `stateRoot` is where the answer of `swrun-vmm --probe` is kept.
  public init(stateRoot: String) {
    let kvm: String
    do throws(RuntimeError) {
      kvm = try KVMProbe(cacheDirectory: stateRoot).fault.map { "unusable: \($0)" } ?? "usable"
    } catch {
      kvm = "unusable: \(error.message)"
    }
    let qemu =
      EngineChoice.findQEMU().map { "usable: \($0)" }
      ?? "unusable: qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)"
    let chosen = kvm == "usable" ? "kvm" : qemu.hasPrefix("usable") ? "qemu" : "none"
    annotations = [
      "dev.swrun.vm.engine": chosen, "dev.swrun.vm.engine.kvm": kvm,
      "dev.swrun.vm.engine.qemu": qemu, "dev.swrun.vm.kernel": Self.kernel,
    ]
  }

  private static var kernel: String {
    let installed = InstalledKernels()
    return installed.find() ?? "none in \(installed.places.joined(separator: ", "))"
  }
}
