import CLinux
import Foundation
import OCISpec
import Testing

@testable import Cgroups
@testable import Linux

/// Real cgroups need root and a mounted hierarchy that can be written to.
let canMakeCgroups: Bool =
  getuid() == 0
  && (try? CgroupLayout.detect()).map { layout in
    layout.hierarchies.allSatisfy { access($0.mountPoint, W_OK) == 0 }
  } ?? false

func machineHas(_ controller: String) -> Bool {
  guard canMakeCgroups, let layout = try? CgroupLayout.detect() else { return false }
  return layout.hierarchies.contains { $0.key.split(separator: ",").contains { $0 == controller } }
}

let isHybrid =
  canMakeCgroups
  && (try? CgroupLayout.detect()).map {
    !$0.isUnified && $0.hierarchies.contains { $0.isUnified }
  } ?? false

/// Where a test's cgroup goes, with a name that is no other test's; what is there is removed in
/// the end, processes and all.
final class Site {
  nonisolated(unsafe) private static var count = 0
  private static let lock = NSLock()
  let name: String
  let placement: CgroupPlacement

  init(unifiedOnly: Bool = false, below: String = "") throws {
    Site.lock.lock()
    Site.count += 1
    name = "swrun-test-\(getpid())-\(Site.count)"
    Site.lock.unlock()
    let whole = try CgroupLayout.detect().placement(cgroupsPath: "/" + name + below, id: "unused")
    placement = unifiedOnly ? whole.unified : whole
  }

  deinit {
    for directory in placement.directories {
      // The parents that `below` made as well.
      var path = directory.path
      while path.contains(name) {
        let one = CgroupPlacement(paths: [directory.key: path])
        if let cgroup = try? Cgroup(opening: one) { try? cgroup.kill() }
        try? Cgroup.remove(one)
        path = String(path[..<path.lastIndex(of: "/")!])
      }
    }
  }

  func path(_ controller: String) -> String {
    placement.directories.first { $0.key.split(separator: ",").contains { $0 == controller } }!.path
  }

  var unifiedPath: String { placement.unified.directories[0].path }

  func read(_ controller: String, _ file: String) throws -> String {
    try String(contentsOfFile: path(controller) + "/" + file, encoding: .utf8)
      .trimmingCharacters(in: .newlines)
  }
}

/// A shell that joins the cgroup and then runs a script.
final class Member {
  let process = Process()
  private let pipe = Foundation.Pipe()

  init(_ placement: CgroupPlacement, _ script: String) throws {
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let joins = placement.directories.map { "echo $$ > '\($0.path)/cgroup.procs' || exit 99; " }
    process.arguments = ["-c", joins.joined() + "echo joined; " + script]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    // What follows in a test counts on the process being in.
    var line: [UInt8] = []
    while let byte = try pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 {
      line.append(byte)
    }
    #expect(String(decoding: line, as: UTF8.self) == "joined")
  }

  var pid: pid_t { process.processIdentifier }

  /// The exit code (128 + signal) and what was written.
  func finish() throws -> (code: Int32, output: String) {
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let code =
      process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
    return (code, String(decoding: output, as: UTF8.self))
  }

  deinit {
    if process.isRunning { kill(pid, SIGKILL) }
  }
}

/// The message of the RuntimeError that the body throws; "" when it throws none.
func failure(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return "\(error)"
  }
}
