extension Spec.Linux {
  /// The name of a kernel parameter, as sysctl(8) takes it.
  public struct Sysctl: Sendable, Equatable {
    /// The components of the path below /proc/sys, such as `["net", "ipv4", "ip_forward"]`.
    public let components: [String]

    /// Fails when the name leads elsewhere than to a file below /proc/sys.
    ///
    /// The first of `.` and `/` separates the components; the other then stands for the first, so
    /// that `net.ipv4.conf.eth0/100.forwarding` names the interface `eth0.100`.
    public init?(_ name: String) {
      var components: [String] = [""]
      let separator = name.unicodeScalars.first { $0 == "." || $0 == "/" } ?? "."
      for scalar in name.unicodeScalars {
        switch scalar {
        case separator: components.append("")
        case ".", "/":
          // In a name with slashes a point is itself.
          components[components.count - 1].unicodeScalars.append(".")
        default: components[components.count - 1].unicodeScalars.append(scalar)
        }
      }
      guard components.count > 1, components.allSatisfy(\.isSingleName) else { return nil }
      self.components = components
    }

    /// The type of namespace that the parameter belongs to; `nil` when it is the host's alone.
    public var namespace: Namespace.Kind? {
      switch components[0] {
      case "net": return .network
      case "fs" where components[1] == "mqueue": return .ipc
      case "kernel" where components.count == 2: break
      default: return nil
      }
      switch components[1] {
      case "msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced":
        return .ipc
      case "domainname", "hostname": return .uts
      default: return nil
      }
    }
  }
}
