internal import CLinux
internal import Linux
internal import OCISpec

/// The AppArmor profile and the SELinux label that the program gets by its exec.
struct SecurityLabels {
  private let profile: String?
  private let label: String?

  /// Fails when the host has no such security module: a confinement that was asked for is never
  /// left out.
  init(_ process: Spec.Process) throws(RuntimeError) {
    // Without AppArmor everything is unconfined.
    let enabled = process.apparmorProfile != nil && Self.hasAppArmor
    profile = process.apparmorProfile == "unconfined" && !enabled ? nil : process.apparmorProfile
    label = process.selinuxLabel
    if profile != nil && !enabled {
      throw RuntimeError(
        "process.apparmorProfile: apparmor: config provided but apparmor not supported",
        advice: "enable AppArmor on the host, or remove the profile")
    }
    if label != nil && !Self.hasSELinux {
      throw RuntimeError(
        "process.selinuxLabel: selinux label is specified in config, but selinux is disabled or"
          + " not supported", advice: "enable SELinux on the host, or remove the label")
    }
  }

  private static var hasAppArmor: Bool {
    guard let text = try? File.readText("/sys/module/apparmor/parameters/enabled") else {
      return false
    }
    return text.hasPrefix("Y")
  }

  private static var hasSELinux: Bool {
    var status = statfs()
    return unsafe cl_statfs("/sys/fs/selinux", &status) == 0
      && UInt32(truncatingIfNeeded: status.f_type) == UInt32(SELINUX_MAGIC)
  }

  /// Writes both for the next exec of this thread.
  func apply() throws(RuntimeError) {
    if let profile {
      try step("process.apparmorProfile", advice: "the profile must be loaded on the host") {
        () throws(SystemError) in
        try Self.openProfileFile().write("exec \(profile)", profile)
      }
    }
    if let label {
      try step("process.selinuxLabel") { () throws(SystemError) in
        try ProcFiles.open("attr/exec", O_WRONLY).write(label, label)
      }
    }
  }

  /// AppArmor's own directory, so that another security module's `attr/exec` is left alone.
  private static func openProfileFile() throws(SystemError) -> FileDescriptor {
    do { return try ProcFiles.open("attr/apparmor/exec", O_WRONLY) } catch {
      // Kernels before 5.1 have the common file only.
      if error.errno != ENOENT { throw error }
      return try ProcFiles.open("attr/exec", O_WRONLY)
    }
  }
}
