internal import CLinux
internal import Isolation
internal import Linux
internal import OCISpec

/// stopgap
final class ProcessAttributes {
  let process: Spec.Process
  let arguments: CStringArray
  let environment: CStringArray
  let preserveFDs: Int
  init(
    _ process: Spec.Process, spec: Spec, id: ContainerID, preserveFDs: Int, hasUserNamespace: Bool,
    cacheDirectory: String?
  ) throws(RuntimeError) {
    self.process = process
    arguments = CStringArray(process.args)
    environment = CStringArray(process.env)
    self.preserveFDs = preserveFDs
  }
  func prepare() throws(RuntimeError) {}
  func execute(_ channel: LaunchChannel) throws(RuntimeError) -> Never {
    _ = cl_setresgid(process.user.gid, process.user.gid, process.user.gid)
    _ = cl_setresuid(process.user.uid, process.user.uid, process.user.uid)
    _ = unsafe cl_chdir(process.cwd)
    cl_reset_signals()
    _ = cl_close_range(UInt32(3 + preserveFDs), ~0, UInt32(CL_CLOSE_RANGE_CLOEXEC))
    var e: CInt = 0
    for p in ["", "/bin/", "/usr/bin/"] {
      e = unsafe cl_execve(p + process.args[0], arguments.pointer, environment.pointer)
    }
    throw RuntimeError("exec \(process.args[0])", SystemError(-e, "execve"), exitCode: 127)
  }
  func deliver(_ l: SharedDescriptor, pid: pid_t, _ s: State) throws(RuntimeError) {}
}
enum SessionKeyring {
  static func join(_ id: ContainerID, _ p: Spec.Process) throws(RuntimeError) {}
}
enum OOMScore { static func open(_ p: Spec.Process) throws(RuntimeError) -> Int { 0 } }
enum SeccompListener {
  static func deliver(_ l: SharedDescriptor, _ s: Spec.Linux.Seccomp?, _ st: State)
    throws(RuntimeError)
  {}
}
