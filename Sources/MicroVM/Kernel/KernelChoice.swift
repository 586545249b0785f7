internal import Linux
internal import OCISpec

/// Which file is a guest's kernel, and who said so.
struct KernelChoice: Equatable {
  let path: String
  let reason: String

  static let annotation = "dev.swrun.vm.kernel"

  /// The first that says something wins: `--kernel`, `vm.kernel.path` of the configuration, the
  /// annotation `dev.swrun.vm.kernel`, the policy file; else an installed one.
  init(
    flag: String?, _ spec: Spec, policy: String?, searching installed: InstalledKernels
  ) throws(RuntimeError) {
    if let flag {
      self.init(path: flag, reason: "--kernel")
    } else if let path = spec.vm?.kernel.path {
      self.init(path: path, reason: "vm.kernel.path")
    } else if let path = spec.annotations[Self.annotation] {
      self.init(path: path, reason: "annotation \(Self.annotation)")
    } else if let policy {
      self.init(path: policy, reason: "policy")
    } else if let path = installed.find() {
      self.init(path: path, reason: "installed")
    } else {
      throw RuntimeError(
        "no guest kernel found: looked in \(installed.places.joined(separator: ", "))",
        advice: Self.howToInstall)
    }
    guard !path.isEmpty else {
      throw RuntimeError("\(reason): is empty", advice: "name a bzImage or an ELF vmlinux")
    }
  }

  private static let howToInstall =
    "fetch one with hack/kernel --debian, or apt-get install linux-image-cloud-amd64"

  /// What helps when the file cannot be opened.
  var advice: String { "name a bzImage or an ELF vmlinux that exists, or \(Self.howToInstall)" }

  private init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }
}
