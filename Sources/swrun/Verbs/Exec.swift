internal import CommandLineInterface
internal import Isolation
internal import Linux
internal import OCISpec

extension Swrun {
  /// `exec ID COMMAND`: another process in a container. The exit code is the process's; 255 says
  /// that there was none to have a code, as with runc.
  static func exec(_ arguments: Arguments) throws(RuntimeError) -> CInt {
    do throws(RuntimeError) { return try runInContainer(arguments) } catch {
      throw error.exitCode == 1
        ? RuntimeError(error.message, advice: error.advice, exitCode: 255) : error
    }
  }

  private static func runInContainer(_ arguments: Arguments) throws(RuntimeError) -> CInt {
    let lifecycle = lifecycle(arguments)
    let id = try containerID(arguments)
    let file: [UInt8]? =
      if let path = arguments[.process] { try contents(of: path, option: .process) } else { nil }
    let spec = try lifecycle.configuration(id)
    let base = spec.process ?? Spec.Process(cwd: "/")
    var options = ExecOptions(process: try arguments.execProcess(of: base, file: file))
    options.pidFile = arguments[.pidFile]
    options.consoleSocket = arguments[.consoleSocket]
    options.pidfdSocket = arguments[.pidfdSocket]
    options.detached = arguments.has(.detach)
    options.startsUnasked = true
    options.ignorePaused = arguments.has(.ignorePaused)
    options.cgroups = arguments.all(.cgroup)
    options.preserveFDs = try PassedDescriptors.asked(arguments)
    try checkTerminal(of: options.process, options.consoleSocket, detached: options.detached)
    if options.detached {
      try start(lifecycle.exec(id, options, spec))
      return 0
    }
    let foreground = try Foreground(subreaper: false)
    let process = try lifecycle.exec(id, options, spec)
    if let console = process.console { Terminal.copyWindowSize(to: console.rawValue) }
    try start(process)
    return try wait(foreground, process)
  }

  private static func start(_ process: any LaunchedProcess) throws(RuntimeError) {
    do { try process.start() } catch {
      process.abort()
      throw error
    }
  }
}
