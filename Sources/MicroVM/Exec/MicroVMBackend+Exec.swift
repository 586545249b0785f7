internal import CLinux
internal import Cgroups
internal import GuestProtocol
public import Isolation
public import Linux
public import OCISpec

extension MicroVMBackend {
  public func exec(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory,
    _ options: ExecOptions
  ) throws(RuntimeError) -> any LaunchedProcess {
    if options.preserveFDs > 0 {
      throw RuntimeError(
        "--preserve-fds=\(options.preserveFDs): descriptors of the host cannot be passed into a VM",
        advice: "share a directory or a file by a bind mount of the bundle")
    }
    guard record.isAlive else {
      throw RuntimeError("cannot exec in a stopped container: \(record.id)")
    }
    let launch = try ExecLaunch(
      options, connection(record), cgroup: control(record).cgroup(), warn: warn)
    return try launch.launch()
  }
}

/// The runtime's side of an exec in a VM: a clone of this program becomes the process that stands
/// for the guest's on the host.
struct ExecLaunch: ~Copyable {
  private let options: ExecOptions
  private let connection: GuestConnection
  private let cgroup: Cgroup
  private let request: ExecRequest
  private let terminal: HostTerminal?
  private let warn: (String) -> Void

  init(
    _ options: ExecOptions, _ connection: GuestConnection, cgroup: consuming Cgroup,
    warn: @escaping (String) -> Void
  ) throws(RuntimeError) {
    self.options = options
    self.connection = connection
    self.warn = warn
    var process = options.process
    Self.dropLabels(&process, warn)
    var request = ExecRequest()
    request.process = String(decoding: process.encoded(), as: UTF8.self)
    request.noNewKeyring = options.noNewKeyring
    request.cgroups = options.cgroups
    request.ignorePaused = options.ignorePaused
    terminal = process.terminal ? try HostTerminal() : nil
    if let size = process.consoleSize {
      let window = WindowSize(
        rows: UInt16(clamping: size.height), columns: UInt16(clamping: size.width))
      request.terminalSize = window
      terminal?.resize(window)
    }
    self.request = request
    self.cgroup = cgroup
  }

  /// The labels of the host's security modules mean nothing to the guest's kernel.
  private static func dropLabels(_ process: inout Spec.Process, _ warn: (String) -> Void) {
    if let profile = process.apparmorProfile {
      warn("process.apparmorProfile: \(profile): not applied: the guest has no AppArmor")
      process.apparmorProfile = nil
    }
    if let label = process.selinuxLabel {
      warn("process.selinuxLabel: \(label): not applied: the guest has no SELinux")
      process.selinuxLabel = nil
    }
  }

  /// Clones the process into the container's cgroup, where the guest's share of the host's time
  /// and memory is counted.
  func launch() throws(RuntimeError) -> Launched {
    let pair = try step("exec") { () throws(SystemError) in try SocketPair() }
    var pidfd: CInt = -1
    let pid = unsafe cl_clone3(0, &pidfd, cgroup.unifiedDirectory?.rawValue ?? -1)
    if pid == 0 {
      pair.first.close()
      run(LaunchChannel(socket: pair.second))
    }
    if pid < 0 { throw cgroup.cloneFailure(SystemError(-pid, "clone3")) }
    pair.second.close()
    terminal?.slave.close()
    var attendant = LaunchAttendant(
      channel: LaunchChannel(socket: pair.first), pid: pid,
      pidfd: SharedDescriptor(FileDescriptor(owning: pidfd)),
      consoleSocket: options.consoleSocket, pidfdSocket: options.pidfdSocket, warn: warn)
    return try attendant.attend(isStage: false)
  }

  /// In the clone: never returns.
  private func run(_ channel: LaunchChannel) -> Never {
    do throws(RuntimeError) {
      try cgroup.join(bornInUnified: cgroup.unifiedDirectory != nil)
      try step("exec") { () throws(SystemError) in
        try system("setsid") { cl_setsid() }
        if let score = options.process.oomScoreAdj {
          try File.write("/proc/self/oom_score_adj", String(score))
        }
        if let terminal {
          // As the container's own process does it: before anything can fail on the guest's side.
          try channel.send(.console(terminal.master.rawValue))
          try terminal.take()
        }
        try ExecProxy.closeAll(but: [channel.socket.rawValue, connection.directory.rawValue])
      }
      let proxy = try ExecProxy(channel, connection, terminal: terminal != nil)
      cl_exit(try proxy.run(request))
    } catch {
      try? channel.send(.failed(error))
      cl_exit(error.exitCode)
    }
  }
}

extension HostTerminal {
  /// Sets the size that is shown on both sides.
  func resize(_ size: WindowSize) {
    var window = winsize()
    window.ws_row = size.rows
    window.ws_col = size.columns
    // A terminal that refuses a size has none to show.
    _ = unsafe cl_set_window_size(slave.rawValue, &window)
  }
}
