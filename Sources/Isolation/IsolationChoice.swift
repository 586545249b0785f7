public import Linux
internal import OCISpec

/// Which backend runs a bundle, and why that one (specs/architecture.md, "Who picks").
public struct IsolationChoice: Sendable, Equatable {
  public let name: String
  public let reason: String
  /// What a rule of the policy file says of the VM that it chose.
  public private(set) var engine: String?
  public private(set) var kernel: String?

  /// The first that says something wins: the flag, the program's name, the annotation
  /// `dev.swrun.isolation`, the presence of `vm` in the configuration, the policy file; else
  /// `container`.
  public init(
    flag: String?, programName: String, id: String, bundle: Bundle, policy: Policy
  ) throws(RuntimeError) {
    let decision = policy.decision(id: id, annotations: bundle.spec.annotations)
    if let flag {
      self.init(name: flag, reason: "--isolation=\(flag)")
    } else if programName == "swrun-vm" {
      self.init(name: "vm", reason: "program name swrun-vm")
    } else if let value = bundle.spec.annotations[Self.annotation] {
      self.init(name: value, reason: "annotation \(Self.annotation)")
    } else if bundle.spec.vm != nil {
      self.init(name: "vm", reason: "config.json has a vm section")
    } else if let decision {
      self.init(name: decision.isolation, reason: decision.reason)
    } else {
      self.init(name: "container", reason: "default")
    }
    guard name == "container" || name == "vm" else {
      throw RuntimeError("\(reason): unknown isolation \(name)", advice: "container or vm")
    }
    // Where somebody else chose the VM, a rule that would have done so still names its parts.
    if name == "vm", let decision, decision.isolation == "vm" {
      engine = decision.engine
      kernel = decision.kernel
    }
  }

  /// The only one that there is inside a virtual machine.
  public static var insideGuest: IsolationChoice {
    IsolationChoice(name: "container", reason: "guest of a virtual machine")
  }

  static let annotation = "dev.swrun.isolation"

  private init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }
}
