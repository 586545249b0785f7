internal import CLinux
public import Linux

extension Cgroup {
  /// Stops every process of the cgroup and of those below it; returns when all have stopped.
  ///
  /// What does not freeze in 10 seconds is let go on again, and is an error.
  public func freeze() throws(RuntimeError) {
    let directory = try freezer()
    if directory.version == .v2 {
      try freezeUnified(directory)
    } else {
      try freezeLegacy(directory)
    }
  }

  /// Lets the processes go on; nothing happens when they are not frozen.
  public func thaw() throws(RuntimeError) {
    let directory = try freezer()
    try step("cgroup \(directory.path): thawing") { () throws(SystemError) in
      try Cgroup.thaw(directory)
    }
  }

  /// Whether the cgroup is frozen, by itself or by one above it.
  public func isFrozen() throws(RuntimeError) -> Bool {
    guard let directory = freezerIfPresent else { return false }
    return try step("cgroup \(directory.path)") { () throws(SystemError) in
      let file = Cgroup.freezerFile(directory.version)
      return Cgroup.saysFrozen(try directory.read(file), directory.version)
    }
  }

  /// As `isFrozen`, for the directory of one hierarchy by its path; false when it is not there.
  static func isFrozen(_ path: String, _ version: CgroupVersion) -> Bool {
    let file = path + "/" + freezerFile(version)
    guard
      let opened = try? FileDescriptor.open(
        file, O_RDONLY, at: .workingDirectory, resolve: [.noSymlinks, .noMagicLinks]),
      let bytes = try? opened.readAll(limit: 4096, file)
    else { return false }
    return saysFrozen(String(decoding: bytes, as: UTF8.self), version)
  }

  private static func freezerFile(_ version: CgroupVersion) -> String {
    version == .v1 ? "freezer.state" : "cgroup.events"
  }

  private static func saysFrozen(_ text: String, _ version: CgroupVersion) -> Bool {
    version == .v1 ? !text.hasPrefix("THAWED") : value(of: "frozen", in: text) == 1
  }

  /// The v1 freezer, or v2 where it has one.
  var freezerIfPresent: CgroupDirectory? { legacy("freezer") ?? unified }

  private func freezer() throws(RuntimeError) -> CgroupDirectory {
    if let directory = freezerIfPresent { return directory }
    throw RuntimeError(
      "cgroup: the container has no freezer",
      advice: "pause and resume need a cgroup: mount the v1 freezer controller or cgroup v2")
  }

  static func thaw(_ directory: CgroupDirectory) throws(SystemError) {
    if directory.version == .v1 {
      try directory.write("freezer.state", "THAWED")
    } else {
      try directory.write("cgroup.freeze", "0")
    }
  }

  private static let freezeTimeout: Int64 = 10_000_000_000

  private func freezeUnified(_ directory: CgroupDirectory) throws(RuntimeError) {
    let what = "cgroup \(directory.path): freezing"
    Cgroup.moveKernelThreadsAway(from: directory)
    let isFrozen = try step(what) { () throws(SystemError) in
      let events = try FileDescriptor.open("cgroup.events", O_RDONLY, at: directory.reference)
      try directory.write("cgroup.freeze", "1")
      let deadline = cl_monotonic_ns() + Cgroup.freezeTimeout
      return try Cgroup.wait(
        until: "frozen", is: 1, in: events, path: directory.path, deadline: deadline)
    }
    if !isFrozen { throw notFrozen(directory) }
  }

  /// Waits for a key of cgroup.events; false when the deadline passes first.
  static func wait(
    until key: String, is value: UInt64, in events: borrowing FileDescriptor, path: String,
    deadline: Int64
  ) throws(SystemError) -> Bool {
    while true {
      if Cgroup.value(of: key, in: try contents(events, path)) == value { return true }
      let left = deadline - cl_monotonic_ns()
      if left <= 0 { return false }
      // kernfs tells of a change by POLLPRI, once for each reading.
      var poll = pollfd(fd: events.rawValue, events: Int16(POLLPRI), revents: 0)
      _ = unsafe cl_poll(&poll, 1, CInt(min(left / 1_000_000 + 1, 1000)))
    }
  }

  private static func contents(
    _ file: borrowing FileDescriptor, _ path: String
  ) throws(SystemError) -> String {
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = try system("read", path + "/cgroup.events") {
      unsafe bytes.withUnsafeMutableBytes {
        unsafe cl_pread(file.rawValue, $0.baseAddress!, $0.count, 0)
      }
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// v1 may hang in FREEZING while a process forks or waits uninterruptibly: writing the state
  /// again makes the kernel look again, and now and then a moment of thaw lets it get on.
  private func freezeLegacy(_ directory: CgroupDirectory) throws(RuntimeError) {
    let isFrozen = try step("cgroup \(directory.path): freezing") { () throws(SystemError) in
      let deadline = cl_monotonic_ns() + Cgroup.freezeTimeout
      var attempt = 0
      while cl_monotonic_ns() < deadline {
        if attempt % 50 == 49 {
          try Cgroup.thaw(directory)
          Cgroup.sleep(milliseconds: 10)
        }
        try directory.write("freezer.state", "FROZEN")
        if try directory.read("freezer.state") == "FROZEN" { return true }
        attempt += 1
        if attempt > 5 { Cgroup.sleep(milliseconds: 1) }
      }
      return false
    }
    if !isFrozen { throw notFrozen(directory) }
  }

  private func notFrozen(_ directory: CgroupDirectory) -> RuntimeError {
    // A container that is half frozen is worse than one that runs.
    try? Cgroup.thaw(directory)
    return RuntimeError(
      "cgroup \(directory.path): some of its processes did not freeze in 10 seconds",
      advice: "a process waits uninterruptibly, perhaps for a disk or network filesystem: try again"
    )
  }

  static func sleep(milliseconds: CInt) { _ = cl_poll(nil, 0, milliseconds) }

  /// The number behind a key, in files of lines such as `frozen 1`.
  static func value(of key: String, in text: String) -> UInt64? {
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 1)
      if fields.count == 2, fields[0].elementsEqual(key.utf8) {
        return UInt64(Substring(fields[1]))
      }
    }
    return nil
  }
}
