internal import CLinux
internal import CommandLineInterface
internal import Isolation
internal import Linux
internal import OCISpec

extension Swrun {
  /// `run ID`: create, start, wait, delete. The exit code is the process's.
  static func run(_ arguments: Arguments) throws(RuntimeError) -> CInt {
    try arguments.checkRootfsOptions()
    var bundle = try runBundle(arguments)
    let choice = try isolation(arguments, bundle)
    var options = try CreateOptions(arguments)
    try options.passListenFDs(to: &bundle.spec)
    options.detached = arguments.has(.detach)
    options.startsAtOnce = true
    options.startsUnasked = true
    try checkTerminal(
      of: bundle.spec.process, options.consoleSocket, detached: options.detached)
    let lifecycle = lifecycle(arguments)
    let id = try containerID(arguments)
    Trace.mark("bundle")
    if options.detached {
      let process = try lifecycle.create(id, bundle, isolation: choice, options)
      try start(process, id, bundle.spec, lifecycle)
      options.notifySocket?.relay(
        pidfd: process.pidfd.rawValue, mainPID: process.pid, warn: Log.warning)
      return 0
    }
    let foreground = try Foreground(subreaper: needsSubreaper(arguments, bundle.spec))
    let process = try lifecycle.create(id, bundle, isolation: choice, options)
    if let console = process.console { Terminal.copyWindowSize(to: console.rawValue) }
    try start(process, id, bundle.spec, lifecycle)
    Trace.mark("start")
    let relay = try options.notifySocket?.startRelay(
      pidfd: process.pidfd.rawValue, warn: Log.warning)
    let code = try wait(foreground, process)
    relay?.finish()
    Trace.mark("wait")
    if !arguments.has(.keep) { try lifecycle.remove(id, bundle.spec) }
    Trace.mark("delete")
    return code
  }

  private static func runBundle(_ arguments: Arguments) throws(RuntimeError) -> Bundle {
    guard let rootfs = arguments[.rootfs] else { return try Bundle(arguments) }
    let directory = rootfs.hasPrefix("/") ? "/" : try workingDirectory()
    let standard = Spec.standard(unifiedCgroups: unifiedCgroups())
    return try Bundle(
      rootfs: rootfs,
      spec: arguments.quickSpec(from: standard, rootfs: rootfs, directory: directory))
  }

  /// In a pid namespace of its own a container's orphans are its first process's; else they come
  /// to us, so that they are reaped while we wait.
  private static func needsSubreaper(_ arguments: Arguments, _ spec: Spec) -> Bool {
    !arguments.has(.noSubreaper)
      && !spec.linux.namespaces.contains { $0.type == .pid && $0.path == nil }
  }

  /// Starts the program; on a failure nothing of the container is left.
  private static func start(
    _ process: any LaunchedProcess, _ id: ContainerID, _ spec: Spec, _ lifecycle: Lifecycle
  ) throws(RuntimeError) {
    do { try process.start() } catch {
      process.abort()
      try? lifecycle.remove(id)
      throw error
    }
    if spec.hooks.poststart.isEmpty { return }
    lifecycle.runPoststart(try lifecycle.snapshot(id).record, spec: spec)
  }

  /// The exit code of a process in the foreground.
  static func wait(
    _ foreground: consuming Foreground, _ process: any LaunchedProcess
  ) throws(RuntimeError) -> CInt {
    guard let console = process.console else { return try foreground.wait(for: process.pid) }
    return try foreground.wait(for: process.pid, terminal: console)
  }
}
