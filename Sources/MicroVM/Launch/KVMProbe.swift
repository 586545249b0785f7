internal import CLinux
internal import JSON
internal import Linux

/// Whether /dev/kvm really runs guests: what `swrun-vmm --probe` found out, kept until the next
/// boot of the host.
struct KVMProbe {
  /// Why it does not; nil when it does.
  let fault: String?

  /// `directory` keeps the answer; an answer of another boot or another swrun-vmm is none.
  init(cacheDirectory directory: String) throws(RuntimeError) {
    let program = try Programs.open("swrun-vmm")
    let key = Self.key(program.file)
    let path = directory + "/.kvm"
    if let key, let text = try? File.readText(path, limit: 4096) {
      let lines = text.split(separator: "\n", maxSplits: 1)
      if lines.first.map(String.init) == key {
        fault = lines.count > 1 ? String(lines[1]) : nil
        return
      }
    }
    fault = try Self.ask(program.file, program.path)
    guard let key else { return }
    // Without the cache the next VM asks again.
    try? File.makeDirectories(directory, mode: 0o700)
    if let reference = try? FileDescriptor.open(directory, O_PATH | O_DIRECTORY) {
      let text = key + "\n" + (fault ?? "")
      try? File.replace(".kvm", with: Array(text.utf8), in: DirectoryReference(reference))
    }
  }

  private static func key(_ program: SharedDescriptor) -> String? {
    guard let boot = try? File.readText("/proc/sys/kernel/random/boot_id"),
      let status = try? program.status()
    else { return nil }
    var device = stat()
    let hasDevice = unsafe cl_fstatat(AT_FDCWD, "/dev/kvm", &device, 0) == 0
    let identity =
      "\(status.st_dev):\(status.st_ino):\(status.st_size):\(status.st_mtim.tv_sec)"
      + ":\(hasDevice ? device.st_rdev : 0)"
    return boot.prefix { $0 != "\n" } + " " + identity
  }

  /// The reason why kvm cannot be used, as the program says.
  private static func ask(
    _ program: SharedDescriptor, _ path: String
  ) throws(RuntimeError) -> String? {
    let arguments = CStringArray(["swrun-vmm", "--probe"])
    let environment = CStringArray([])
    let pipe = try step(path) { () throws(SystemError) in try Pipe() }
    let pid = cl_clone3(0, nil, -1)
    if pid == 0 {
      cl_reset_signals()
      _ = cl_dup2(pipe.writer.rawValue, 1)
      _ = unsafe cl_execveat(
        program.rawValue, "", arguments.pointer, environment.pointer, AT_EMPTY_PATH)
      cl_exit(127)
    }
    if pid < 0 { throw RuntimeError(path, SystemError(-pid, "clone3")) }
    pipe.writer.close()
    let output = try step(path) { () throws(SystemError) in
      let output = try pipe.reader.take()?.readAll(limit: 65536, path) ?? []
      var status: CInt = 0
      try system("waitpid", path) { unsafe cl_waitpid(pid, &status, 0) }
      return output
    }
    do throws(JSONError) {
      var json = try JSONReader(output.span)
      var (usable, reason) = (false, "")
      try json.beginObject()
      while let key = try json.nextKey() {
        switch key {
        case "usable": try json.read(&usable)
        case "reason": try json.read(&reason)
        default: try json.skip()
        }
      }
      return usable ? nil : reason
    } catch {
      throw RuntimeError(
        "\(path) --probe: its answer makes no sense: \(error.reason)",
        advice: "install swrun as a whole: hack/install")
    }
  }
}
