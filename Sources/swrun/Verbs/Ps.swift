internal import CLinux
internal import CommandLineInterface
internal import JSON
internal import Isolation
internal import Linux

extension Swrun {
  /// `ps ID [ARGUMENT...]`: the container's processes with the host's pids, or a VM's with the
  /// guest's.
  static func ps(_ arguments: Arguments) throws(RuntimeError) -> CInt {
    let lifecycle = lifecycle(arguments)
    let id = try containerID(arguments)
    let guest = try lifecycle.guestProcesses(id)
    let pids = if let guest { guest.map(\.pid) } else { try lifecycle.processes(id) }
    if arguments[.format] == "json" {
      var json = JSONWriter()
      json.beginArray()
      for pid in pids { json.integer(pid) }
      json.endArray()
      json.endLine()
      try Output.write(json.bytes)
      return 0
    }
    let options = Array(arguments.operands.dropFirst())
    if let option = options.first, guest != nil {
      throw RuntimeError(
        "ps \(option): ps(1) of the host does not see the processes of a VM",
        advice: "leave its options out")
    }
    if !options.isEmpty { return try foreignPs(options, pids) }
    let clock = try ProcessListing.Clock()
    let rows =
      guest.map { $0.sorted { $0.pid < $1.pid }.map { ProcessListing($0, now: clock.now) } }
      ?? pids.sorted().compactMap { ProcessListing(pid: $0, clock: clock) }
    try Output.write(ProcessListing.table(rows, users: .ofHost, now: clock.now))
    return 0
  }

  /// ps(1) with the caller's arguments, whose lines of other processes are left out.
  private static func foreignPs(_ options: [String], _ pids: [Int32]) throws(RuntimeError) -> CInt {
    let (code, output) = try Program.output(of: "ps", options)
    if code != 0 { throw RuntimeError("ps \(options.joined(separator: " ")) failed with \(code)") }
    let lines = output.split(separator: "\n")
    guard let header = lines.first,
      let column = header.split(separator: " ").firstIndex(of: "PID")
    else {
      throw RuntimeError(
        "ps \(options.joined(separator: " ")) shows no column PID", advice: "such as -ef or -o pid")
    }
    var text = header + "\n"
    for line in lines.dropFirst() {
      let fields = line.split(separator: " ")
      if column < fields.count, let pid = Int32(fields[column]), pids.contains(pid) {
        text += line + "\n"
      }
    }
    try Output.write(String(text))
    return 0
  }
}

extension ProcessListing {
  /// A process of a guest, which has told us what /proc tells of our own.
  fileprivate init(_ entry: GuestProcessEntry, now: Int64) {
    self.init(
      pid: entry.pid, parent: entry.parent, uid: entry.uid, time: entry.time, start: entry.start,
      terminal: entry.terminal, command: entry.command, now: now)
  }
}
