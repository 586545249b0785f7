internal import CLinux
internal import CommandLineInterface
internal import Isolation
internal import JSON
internal import Linux
internal import MicroVM
internal import OCISpec

extension Swrun {
  /// `events ID`: statistics and out-of-memory events, one JSON object a line.
  static func events(_ arguments: Arguments) throws(RuntimeError) {
    let interval =
      try arguments.parsed(.interval, as: "a time such as 5s or 500ms") {
        Quantity.nanoseconds($0)
      } ?? 5_000_000_000
    if interval <= 0 {
      throw arguments.invalid(.interval, arguments[.interval] ?? "", "a time longer than 0")
    }
    let id = try containerID(arguments)
    let snapshot = try lifecycle(arguments).snapshot(id)
    let record = snapshot.record
    if snapshot.status == .stopped { throw RuntimeError("container \(id) is not running") }
    let monitor = try lifecycle(arguments).monitor(record)
    if arguments.has(.stats) {
      if try writeStatistics(monitor) { return }
      throw MicroVMBackend.paused(record.id)
    }
    let process = try step("events \(id)") { () throws(SystemError) in try Pidfd(record.pid) }
    // Checked behind the pidfd: the pid cannot become another process any more.
    guard record.isAlive else { throw RuntimeError("container \(id) is not running") }
    try monitor.watchOutOfMemory()
    try watch(id, process, monitor, every: interval)
  }

  /// Until the process ends or the container is gone.
  private static func watch(
    _ id: ContainerID, _ process: borrowing Pidfd, _ monitor: any ContainerMonitor,
    every interval: Int64
  ) throws(RuntimeError) {
    var next = cl_monotonic_ns() + interval
    while true {
      let left = next - cl_monotonic_ns()
      var polled = [
        pollfd(fd: process.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: monitor.descriptor, events: monitor.events, revents: 0),
      ]
      let timeout = CInt(clamping: max(0, (left + 999_999) / 1_000_000))
      try step("events \(id)") { () throws(SystemError) in
        try system("poll") { unsafe cl_poll(&polled, UInt(polled.count), timeout) }
      }
      if polled[1].revents != 0 {
        switch try monitor.next() {
        case .oom: try writeOOM(id)
        case .removed: return
        case nil: break
        }
      }
      if polled[0].revents != 0 { return }
      if cl_monotonic_ns() >= next {
        _ = try writeStatistics(monitor)
        next = cl_monotonic_ns() + interval
      }
    }
  }

  /// False when there are none to be had now.
  private static func writeStatistics(
    _ monitor: any ContainerMonitor
  ) throws(RuntimeError) -> Bool {
    guard let statistics = try monitor.statistics() else { return false }
    try Output.write(statistics + [UInt8(ascii: "\n")])
    return true
  }

  private static func writeOOM(_ id: ContainerID) throws(RuntimeError) {
    var json = JSONWriter()
    json.beginObject()
    json.key("type")
    json.string("oom")
    json.key("id")
    json.string(id.value)
    json.endObject()
    json.endLine()
    try Output.write(json.bytes)
  }
}
