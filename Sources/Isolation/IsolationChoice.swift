public import Linux
internal import OCISpec

/// Which backend runs a bundle, and why that one (specs/architecture.md, "Who picks").
public struct IsolationChoice: Sendable, Equatable {
  public let name: String
  public let reason: String

  /// The first that says something wins: the flag, the program's name, the annotation
  /// `dev.swrun.isolation`, the presence of `vm` in the configuration; else `container`.
  public init(
    flag: String?, programName: String, bundle: Bundle
  ) throws(RuntimeError) {
    if let flag {
      self.init(name: flag, reason: "--isolation=\(flag)")
    } else if programName == "swrun-vm" {
      self.init(name: "vm", reason: "program name swrun-vm")
    } else if let value = bundle.spec.annotations[Self.annotation] {
      self.init(name: value, reason: "annotation \(Self.annotation)")
    } else if bundle.spec.vm != nil {
      self.init(name: "vm", reason: "config.json has a vm section")
    } else {
      self.init(name: "container", reason: "default")
    }
    guard name == "container" || name == "vm" else {
      throw RuntimeError("\(reason): unknown isolation \(name)", advice: "container or vm")
    }
  }

  static let annotation = "dev.swrun.isolation"

  private init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }
}
