internal import CLinux
internal import Clibseccomp
internal import OCISpec

/// What `features` says about filters.
public enum SeccompFeatures {
  /// The version of the libseccomp that is linked in, such as `2.5.4`.
  public static var libraryVersion: String {
    guard let version = unsafe seccomp_version()?.pointee else { return "unknown" }
    return "\(version.major).\(version.minor).\(version.micro)"
  }

  /// The actions, by their names in config.json.
  public static var actions: [String] {
    Spec.Linux.Seccomp.Action.allCases.map(\.rawValue).sorted()
  }

  /// The comparisons of arguments.
  public static var operators: [String] {
    Spec.Linux.Seccomp.Operator.allCases.map(\.rawValue).sorted()
  }

  /// The architectures that this libseccomp knows.
  public static var archs: [String] {
    Spec.Linux.Seccomp.Architecture.allCases.filter { $0.token != nil }.map(\.rawValue).sorted()
      .sorted()
  }

  /// The flags that config.json may have.
  public static var knownFlags: [String] {
    Spec.Linux.Seccomp.Flag.allCases.map(\.rawValue).sorted()
  }

  /// The flags that this kernel knows.
  public static var supportedFlags: [String] {
    Spec.Linux.Seccomp.Flag.allCases.filter { flag in
      // The kernel takes this one only for a filter with a listener.
      let companion = flag == .waitKillableRecv ? UInt32(SECCOMP_FILTER_FLAG_NEW_LISTENER) : 0
      return cl_seccomp_knows_flags(flag.bit | companion)
    }.map(\.rawValue).sorted()
  }
}

extension Spec.Linux.Seccomp.Flag {
  /// The flag of seccomp(2).
  var bit: UInt32 {
    switch self {
    case .threadSync: UInt32(SECCOMP_FILTER_FLAG_TSYNC)
    case .log: UInt32(SECCOMP_FILTER_FLAG_LOG)
    case .specAllow: UInt32(SECCOMP_FILTER_FLAG_SPEC_ALLOW)
    case .waitKillableRecv: UInt32(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
    }
  }
}

extension Spec.Linux.Seccomp.Architecture {
  /// libseccomp's number of the architecture; nil when this libseccomp does not know it.
  var token: UInt32? {
    let name = rawValue.dropFirst("SCMP_ARCH_".count).lowercased()
    let token = unsafe seccomp_arch_resolve_name(name)
    return token == 0 ? nil : token
  }
}
