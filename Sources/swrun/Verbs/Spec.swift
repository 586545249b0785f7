internal import CLinux
internal import CommandLineInterface
internal import Linux
internal import OCISpec

extension Swrun {
  /// `spec`: a default config.json in the bundle.
  static func spec(_ arguments: Arguments) throws(RuntimeError) {
    let name = arguments[.file] ?? "config.json"
    let path = arguments[.bundle].map { Arguments.absolute(name, below: $0) } ?? name
    let spec = Spec.standard(
      rootless: arguments.has(.rootless), uid: geteuid(), gid: getegid(),
      unifiedCgroups: unifiedCgroups())
    var text = spec.encoded(indent: "\t")
    text.append(UInt8(ascii: "\n"))
    do throws(SystemError) {
      // O_EXCL also refuses a dangling link.
      try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o666).writeAll(text, path)
    } catch {
      if error.errno == EEXIST {
        throw RuntimeError("spec: file \(path) exists", advice: "remove it first")
      }
      throw RuntimeError("spec", error)
    }
  }

  /// Whether the host has the unified hierarchy alone.
  static func unifiedCgroups() -> Bool {
    var status = statfs()
    return unsafe cl_statfs("/sys/fs/cgroup", &status) == 0
      && status.f_type == CGROUP2_SUPER_MAGIC
  }
}
