internal import CLinux
internal import Isolation
internal import JSON
internal import Linux
internal import MachinePlan
internal import OCISpec

/// What runs a guest here, and why that one.
struct EngineChoice {
  let engine: MachinePlan.Engine
  let reason: String
  /// The qemu program, where that is the engine.
  let qemu: String
  /// Said once to the user, where the choice is not the best one.
  let warning: String?

  static let annotation = "dev.swrun.vm.engine"

  /// The flag, the annotation, the policy file, then kvm where it can run a guest, then qemu.
  init(
    _ options: CreateOptions, _ spec: Spec, _ probe: KVMProbe
  ) throws(RuntimeError) {
    let named: (name: String, by: String)? =
      if let flag = options.engine {
        (flag, "--engine=\(flag)")
      } else if let value = spec.annotations[Self.annotation] {
        (value, "annotation \(Self.annotation)")
      } else if let engine = options.policyEngine {
        (engine, "policy")
      } else {
        nil
      }
    guard let named else {
      try self.init(bestOf: probe)
      return
    }
    switch MachinePlan.Engine(rawValue: named.name) {
    case .kvm:
      if let fault = probe.fault {
        throw RuntimeError(
          "\(named.by): kvm cannot run a guest here: \(fault)", advice: "use --engine=qemu")
      }
      self.init(.kvm, named.by, qemu: "", warning: nil)
    case .qemu:
      guard let qemu = Self.findQEMU() else { throw Self.noQEMU(named.by) }
      self.init(.qemu, named.by, qemu: qemu, warning: nil)
    case nil:
      throw RuntimeError("\(named.by): unknown engine \(named.name)", advice: "kvm or qemu")
    }
  }

  private init(bestOf probe: KVMProbe) throws(RuntimeError) {
    guard let fault = probe.fault else {
      self.init(.kvm, "/dev/kvm runs guests", qemu: "", warning: nil)
      return
    }
    guard let qemu = Self.findQEMU() else {
      throw RuntimeError(
        "no engine can run a VM here: kvm: \(fault); qemu: \(Self.qemuName) is not installed",
        advice: "give this machine a /dev/kvm that works, or: apt-get install qemu-system-x86")
    }
    self.init(
      .qemu, "/dev/kvm cannot run a guest", qemu: qemu,
      warning: "the VM runs in qemu's emulation, which is slow: /dev/kvm cannot run a guest"
        + " (swrun features says why)")
  }

  private init(
    _ engine: MachinePlan.Engine, _ reason: String, qemu: String, warning: String?
  ) {
    self.engine = engine
    self.reason = reason
    self.qemu = qemu
    self.warning = warning
  }

  private static let qemuName = "qemu-system-x86_64"

  /// The first on the usual paths; the caller's PATH says nothing of what root should execute.
  static func findQEMU() -> String? {
    ["/usr/local/bin/", "/usr/bin/", "/usr/libexec/"].map { $0 + qemuName }.first {
      unsafe cl_faccessat(AT_FDCWD, $0, X_OK, 0) == 0
    }
  }

  private static func noQEMU(_ by: String) -> RuntimeError {
    RuntimeError(
      "\(by): \(qemuName) is not installed", advice: "apt-get install qemu-system-x86")
  }
}
