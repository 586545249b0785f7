internal import CLinux
internal import Cgroups
internal import CommandLineInterface
internal import GuestProtocol
internal import Isolation
internal import JSON
internal import Linux

/// What the host should know although nothing failed.
final class Warnings {
  var texts: [String] = []
}

/// The requests about the container as a whole: one answer each, but for out-of-memory events.
struct ContainerRequests {
  private let container: GuestContainer
  private let control: ControlConnection
  private let warnings: Warnings

  init(_ container: GuestContainer, _ control: ControlConnection, _ warnings: Warnings) {
    self.container = container
    self.control = control
    self.warnings = warnings
  }

  func serve(_ message: HostMessage) throws(RuntimeError) {
    switch message {
    case .signalAll(let signal):
      try container.signalAll(signal)
      control.send(.done(warnings: warnings.texts))
    case .processes: control.send(.processes(try processes()))
    case .update(let resources):
      try container.update(resources)
      control.send(.done(warnings: warnings.texts))
    case .statistics: control.send(.statistics(try statistics()))
    case .watchOOM: try watchOOM()
    case .create, .exec, .start, .signal, .resize, .dropCaches:
      throw RuntimeError("session: \(message.name) is no request about the container")
    }
  }

  private func processes() throws(RuntimeError) -> [GuestProcess] {
    let pids = try container.processes()
    let clock = try ProcessListing.Clock()
    return pids.sorted().compactMap { pid in
      guard let listing = ProcessListing(pid: pid, clock: clock) else { return nil }
      var process = GuestProcess()
      process.pid = listing.pid
      process.ppid = listing.parent
      process.uid = listing.uid
      process.startTime = listing.start
      process.cpuSeconds = listing.time
      process.tty = listing.terminal
      // A message has its limit, and the guest may have thousands of processes.
      process.command = String(listing.command.prefix(pids.count > 200 ? 80 : 4096))
      return process
    }
  }

  private func statistics() throws(RuntimeError) -> String {
    let record = try container.running()
    let cgroup = try Cgroup(opening: CgroupPlacement(paths: record.cgroups))
    var json = JSONWriter()
    try cgroup.statistics().write(id: record.id, to: &json)
    return String(decoding: json.bytes, as: UTF8.self)
  }

  /// Until the host ends the session, or the container ends.
  private func watchOOM() throws(RuntimeError) {
    let record = try container.running()
    let cgroup = try Cgroup(opening: CgroupPlacement(paths: record.cgroups))
    let process = try step("events") { () throws(SystemError) in try Pidfd(record.pid) }
    // Checked behind the pidfd: the pid cannot become another process any more.
    guard record.isAlive else { return }
    var monitor = try OOMMonitor(cgroup)
    while true {
      var polled = [
        pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: monitor.descriptor.rawValue, events: monitor.events, revents: 0),
        pollfd(fd: control.rawValue, events: Int16(POLLIN), revents: 0),
      ]
      try step("events") { () throws(SystemError) in
        try system("poll") { unsafe cl_poll(&polled, UInt(polled.count), -1) }
      }
      if polled[1].revents != 0 {
        switch try monitor.next() {
        case .oom: control.send(.oom)
        case .removed: return
        case nil: break
        }
      }
      if polled[0].revents != 0 { return }
      // The host has nothing more to say in this session: whatever comes is its end.
      if polled[2].revents != 0 { return }
    }
  }
}
