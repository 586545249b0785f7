import CLinux
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

@Suite(.serialized, .enabled(if: canMakeCgroups)) struct LifeTests {
  @Test func createsInEveryHierarchyAndRemoves() throws {
    let site = try Site(below: "/a/b")
    let cgroup = try Cgroup.create(site.placement)
    #expect(cgroup.paths == site.placement.paths)
    for directory in site.placement.directories {
      #expect(fileSystemType(directory.path) != nil, "\(directory.path)")
    }
    if machineHas("cpuset") {
      #expect(try !site.read("cpuset", "cpuset.cpus").isEmpty)
      #expect(try !site.read("cpuset", "../cpuset.mems").isEmpty)
    }
    // Found again by the record alone.
    let record = CgroupPlacement(paths: cgroup.paths)
    let again = try Cgroup(opening: record)
    #expect(again.paths == cgroup.paths)
    #expect(try again.processes().isEmpty)
    try Cgroup.remove(record)
    for directory in site.placement.directories {
      #expect(!File.exists(directory.path))
      // Only the leaf is the container's.
      #expect(File.exists(String(directory.path.dropLast(2))))
    }
    // Again: nothing is there, nothing is wrong.
    try Cgroup.remove(record)
    #expect(try Cgroup(opening: record).isEmpty)
  }

  @Test func joinsAndListsAndKills() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sleep")
    process.arguments = ["100"]
    try process.run()
    try cgroup.add(pid: process.processIdentifier)
    let membership = Membership.parse(
      try File.read("/proc/\(process.processIdentifier)/cgroup"))
    for entry in membership {
      #expect(entry.path.hasSuffix("/" + site.name), "\(entry)")
    }
    #expect(try cgroup.processes() == [process.processIdentifier])
    // With a process in it, it is not removed.
    let refused = failure { try cgroup.remove() }
    #expect(refused.contains("it still has process \(process.processIdentifier)"))
    // Nor taken over by another container.
    let taken = failure { _ = try Cgroup.create(site.placement) }
    #expect(taken.contains("it is not empty: 1 process(es)"))
    try cgroup.kill()
    process.waitUntilExit()
    #expect(process.terminationStatus == SIGKILL)
    try cgroup.remove()
    #expect(!File.exists(site.placement.directories[0].path))
  }

  /// A thread moves itself by `tasks`, which is what a child with one thread does.
  @Test(.enabled(if: machineHas("pids"))) func joinMovesTheCaller() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    nonisolated(unsafe) let shared = cgroup.paths
    nonisolated(unsafe) var seen: [Membership] = []
    nonisolated(unsafe) var message = ""
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      message = failure {
        try Cgroup(opening: CgroupPlacement(paths: shared)).join(bornInUnified: true)
        seen = Membership.parse(try File.read("/proc/thread-self/cgroup"))
      }
      done.signal()
    }
    done.wait()
    #expect(message == "")
    #expect(!seen.isEmpty)
    for entry in seen where !entry.key.isEmpty {
      #expect(entry.path.hasSuffix("/" + site.name), "\(entry)")
    }
    // The thread has ended, and left; its record in the kernel may take a moment.
    try cgroup.remove()
  }

  @Test func aChildIsBornInTheUnifiedCgroup() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    guard let unified = cgroup.unifiedDirectory else { return }
    let pid = cl_clone3(0, nil, unified.rawValue)
    if pid == 0 {
      // Nothing but system calls: the parent has other threads.
      _ = cl_poll(nil, 0, 10000)
      cl_exit(0)
    }
    #expect(pid > 0)
    let membership = Membership.parse(try File.read("/proc/\(pid)/cgroup"))
    #expect(membership.first { $0.key.isEmpty }?.path.hasSuffix("/" + site.name) == true)
    _ = cl_kill(pid, SIGKILL)
    var status: CInt = 0
    _ = cl_waitpid(pid, &status, 0)
  }

  @Test func removesWhatTheContainerMadeBelow() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    for directory in site.placement.directories {
      try File.makeDirectories(directory.path + "/x/y/z")
      try File.makeDirectories(directory.path + "/x/w")
    }
    let inner = CgroupPlacement(
      paths: cgroup.paths.mapValues { $0 + "/x/y/z" })
    try prepareCpuset(site)
    let member = try Member(inner, "sleep 100 & sleep 100")
    // sh and one or two sleeps, all below.
    #expect(try cgroup.processes(recursive: false).isEmpty)
    #expect(try cgroup.processes().contains(member.pid))
    try cgroup.kill()
    #expect(try member.finish().code == 137)
    try cgroup.remove()
    for directory in site.placement.directories { #expect(!File.exists(directory.path)) }
  }

  private func prepareCpuset(_ site: Site) throws {
    guard machineHas("cpuset") else { return }
    for inner in ["/x", "/x/y", "/x/y/z"] {
      for file in ["cpuset.cpus", "cpuset.mems"] {
        try File.write(
          site.path("cpuset") + inner + "/" + file, try site.read("cpuset", file))
      }
    }
  }

  /// Forks as fast as it can while it is being killed.
  @Test func killsWhatForks() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.apply(.init(pids: .init(limit: 200)), scope: .update)
    let member = try Member(
      site.placement, "f() { while :; do (sleep 0.01; :) & done; }; f & f & f & wait")
    usleep(100_000)
    try cgroup.kill()
    #expect(try member.finish().code == 137)
    #expect(try cgroup.processes().isEmpty)
    try cgroup.remove()
  }

  @Test func killsWhatIsFrozen() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    let member = try Member(site.placement, "while :; do sleep 0.01; done")
    try cgroup.freeze()
    #expect(try cgroup.isFrozen())
    try cgroup.kill()
    #expect(try member.finish().code == 137)
    try cgroup.remove()
  }

  @Test func aFrozenCgroupIsNotTakenOver() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    try cgroup.freeze()
    #expect(failure { _ = try Cgroup.create(site.placement) }.contains("it is frozen"))
    try cgroup.thaw()
    // Existing and empty is fine.
    _ = try Cgroup.create(site.placement)
  }

  @Test(arguments: [false, true]) func freezesAndThaws(unifiedOnly: Bool) throws {
    if unifiedOnly && !isHybrid { return }
    let site = try Site(unifiedOnly: unifiedOnly)
    let cgroup = try Cgroup.create(site.placement)
    let file = NSTemporaryDirectory() + site.name
    defer { try? FileManager.default.removeItem(atPath: file) }
    let member = try Member(site.placement, "while :; do echo x >> '\(file)'; done")
    func size() -> Int {
      (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }
    #expect(try !cgroup.isFrozen())
    try cgroup.freeze()
    #expect(try cgroup.isFrozen())
    try cgroup.freeze()
    let before = size()
    usleep(50_000)
    #expect(size() == before)
    try cgroup.thaw()
    #expect(try !cgroup.isFrozen())
    usleep(50_000)
    #expect(size() > before)
    // One that the test process's masks do not keep from it.
    try cgroup.signalAll(SIGSTOP)
    var state = ProcessStatus(pid: member.pid)?.state
    for _ in 0..<100 where state != "T" {
      usleep(1000)
      state = ProcessStatus(pid: member.pid)?.state
    }
    #expect(state == "T")
    try cgroup.signalAll(SIGKILL)
    #expect(try member.finish().code == 137)
  }

  @Test func createLeavesNothingBehindWhenItFails() throws {
    let site = try Site()
    // A name that is too long for the last hierarchy alone cannot be had: a wrong path can.
    var directories = site.placement.directories
    let wrong = NSTemporaryDirectory() + "no-cgroup-\(getpid())"
    directories.append(.init(key: "wrong", path: wrong))
    let message = failure {
      _ = try Cgroup.create(
        CgroupPlacement(
          directories: directories, cgroupsPath: nil, isUnified: site.placement.isUnified))
    }
    #expect(message.contains("statfs \(wrong): Invalid argument"))
    for directory in directories { #expect(!File.exists(directory.path), "\(directory.path)") }
  }

  @Test(arguments: [
    (String(repeating: "x", count: 5000), "shorten linux.cgroupsPath"),
    ("cgroup.procs", "a component of the path is not a directory"),
    ("cgroup.procs/x", "a component of the path is not a directory"),
  ])
  func pathsThatCannotBe(path: String, expected: String) throws {
    let placement = try CgroupLayout.detect().placement(cgroupsPath: "/" + path, id: "x")
    let message = failure { _ = try Cgroup.create(placement) }
    #expect(message.hasPrefix("linux.cgroupsPath: /\(path): "), "\(message)")
    #expect(message.contains(expected), "\(message)")
  }

  @Test func aSymlinkIsNotFollowed() throws {
    let site = try Site()
    _ = try Cgroup.create(site.placement)
    let link = NSTemporaryDirectory() + "swrun-link-\(getpid())"
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: site.placement.directories[0].path)
    defer { try? FileManager.default.removeItem(atPath: link) }
    #expect(
      failure { _ = try Cgroup(opening: CgroupPlacement(paths: ["x": link])) }
        .contains("symbolic links"))
  }

  /// As in a child: the v1 part is made while the v2 part is in use.
  @Test(.enabled(if: isHybrid)) func createsInTwoParts() throws {
    let site = try Site()
    var cgroup = try Cgroup.create(site.placement.unified)
    #expect(cgroup.paths.keys.sorted() == [""])
    try cgroup.extend(site.placement.legacy)
    #expect(cgroup.paths == site.placement.paths)
  }

  @Test func theCgroupOfAProcess() throws {
    let site = try Site(below: "/inner")
    let cgroup = try Cgroup.create(site.placement)
    let member = try Member(site.placement, "exec sleep 100")
    let found = try Cgroup(of: member.pid, in: try CgroupLayout.detect())
    #expect(found.paths == cgroup.paths)
    try cgroup.kill()
    #expect(try member.finish().code == 137)
  }

  @Test(.enabled(if: machineHas("pids"))) func subgroups() throws {
    let site = try Site()
    let cgroup = try Cgroup.create(site.placement)
    #expect(failure { _ = try cgroup.subgroup(["a/b"]) }.contains("No such file or directory"))
    for directory in site.placement.directories {
      try File.makeDirectories(directory.path + "/a/b")
    }
    let all = try cgroup.subgroup(["../../a/./b"])
    #expect(all.paths == cgroup.paths.mapValues { $0 + "/a/b" })
    let one = try cgroup.subgroup(["pids:/a"])
    #expect(one.paths["pids"] == site.path("pids") + "/a")
    #expect(one.paths.filter { $0.value.hasSuffix("/a") }.count == 1)
    #expect(try cgroup.subgroup(["/"]).paths == cgroup.paths)
    for (arguments, expected) in [
      (["a", "b"], "--cgroup a: not a path"), (["pids:a:b"], "--cgroup pids:a:b: not a path"),
      (["nothing:a"], "has no cgroup for the controller nothing"),
    ] {
      let message = failure { _ = try cgroup.subgroup(arguments) }
      #expect(message.contains(expected), "\(message)")
    }
  }
}

/// What a caller without root's rights sees: a thread of its own that gives them up.
@Suite(.serialized, .enabled(if: canMakeCgroups)) struct RootlessTests {
  private func asNobody(_ body: @escaping () throws -> Void) -> String {
    nonisolated(unsafe) var message = ""
    nonisolated(unsafe) let work = body
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      // The raw call changes this thread alone.
      let result = cl_setresuid(65534, 65534, 65534)
      message = result == 0 ? failure(work) : "setresuid: \(result)"
      done.signal()
    }
    done.wait()
    return message
  }

  @Test func withoutRightsAndWithoutWishes() throws {
    let layout = try CgroupLayout.detect()
    let name = "swrun-test-rootless-\(getpid())"
    let placement = try layout.placement(cgroupsPath: nil, id: name)
    let refused = asNobody { _ = try Cgroup.create(placement) }
    #expect(refused.contains("Permission denied") && refused.contains("no cgroup delegated"))
    let message = asNobody {
      let cgroup = try Cgroup.create(placement, rootless: true)
      let isEmpty = cgroup.isEmpty
      #expect(isEmpty)
      // What every default config has is no limit.
      try cgroup.apply(.init(devices: [.init(allow: false)]))
      try cgroup.join(bornInUnified: false)
      try cgroup.remove()
    }
    #expect(message == "")
    let limit = asNobody {
      let resources = Resources(pids: .init(limit: 3))
      try Cgroup.create(placement, rootless: true).apply(resources)
    }
    #expect(
      limit.hasPrefix(
        "linux.resources.pids.limit: 3: no cgroup could be made for the pids controller"),
      "\(limit)")
    let explicit = try layout.placement(cgroupsPath: "/" + name, id: "id")
    #expect(
      asNobody { _ = try Cgroup.create(explicit, rootless: true) }
        .hasPrefix("linux.cgroupsPath: /\(name): mkdir"))
  }

  /// A parent cgroup that the user owns is enough.
  @Test(.enabled(if: machineHas("pids"))) func delegated() throws {
    let site = try Site(below: "/inner")
    for directory in site.placement.directories {
      let parent = String(directory.path.dropLast("/inner".count))
      try File.makeDirectories(parent)
      chown(parent, 65534, 65534)
      chown(parent + "/cgroup.subtree_control", 65534, 65534)
      for file in ["cpuset.cpus", "cpuset.mems"] { chown(parent + "/" + file, 65534, 65534) }
    }
    let placement = site.placement
    let message = asNobody {
      let cgroup = try Cgroup.create(placement, rootless: true)
      #expect(cgroup.paths == placement.paths)
      try cgroup.apply(.init(devices: [.init(allow: false)], pids: .init(limit: 3)))
    }
    #expect(message == "")
    #expect(try site.read("pids", "pids.max") == "3")
  }
}
