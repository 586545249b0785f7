import Foundation
import Harness
import Testing

/// The list of file operations (FileOperations/*.c) as root and as two users, in a container and in a
/// VM: each line is equal, or a row of specs/file-server.md tells the difference and its reason.
extension Machines {
  @Suite struct FileOperations {
    @Test(.fileOperations) func areTheSameInAMachine() throws {
      try compare([:], entries: Machines.isLong ? 100_000 : 2000)
    }

    @Test(.fileOperations, .long, arguments: ["none", "always"])
    func areTheSameInOtherCacheModes(cache: String) throws {
      try compare(["dev.swrun.vm.cache": cache], entries: 2000)
    }

    /// Large files are mapped then, and the others are as they are.
    @Test(
      .fileOperations, .long,
      .enabled(if: Machines.engine == "kvm", "only our own VMM has a window"))
    func areTheSameWithAWindow() throws {
      try compare([Window.annotation: "64"], entries: 2000)
    }

    private func compare(_ annotations: [String: String], entries: Int) throws {
      let program = try OperationProgram.path.get()
      let rows = try KnownOperation.all()
      try withSandbox { box in
        func run(_ isolation: Isolation) throws -> [String: String] {
          let name = isolation.rawValue
          let bundle = try OperationBundle(box, name)
          let container = try box.container(name, isolation: isolation) {
            bundle.edit(&$0, entries: entries)
            if isolation == .annotation { $0.isolate(annotations) }
          }
          try ExecutableFile.copy(program, to: "\(container.rootfs)/bin/operations")
          try container.makeDirectory("work")
          let result = try container.run(timeout: 1800)
          #expect(result.code == 0, "\(name): \(result.code) \(result.err)")
          return results(result.lines)
        }
        let native = try run(.container)
        let machine = try run(.annotation)
        #expect(native.count > 900, "only \(native.count) lines")
        judge(native, machine, rows, annotations["dev.swrun.vm.cache"] ?? "auto")
      }
    }

    /// Each line's result by what was done, and how often the same was done before.
    private func results(_ lines: [String]) -> [String: String] {
      var counts: [String: Int] = [:]
      var results: [String: String] = [:]
      for line in lines {
        guard let colon = line.range(of: ": ") else { continue }
        let name = String(line[..<colon.lowerBound])
        let count = counts[name, default: 0] + 1
        counts[name] = count
        results[count == 1 ? name : "\(name) (\(count))"] = String(line[colon.upperBound...])
      }
      return results
    }

    private func judge(
      _ native: [String: String], _ machine: [String: String], _ rows: [KnownOperation],
      _ cache: String
    ) {
      var seen: Set<Int> = []
      var unlisted: [String] = []
      for name in Set(native.keys).union(machine.keys).sorted()
      where native[name] != machine[name] {
        let matching = rows.indices.filter { rows[$0].covers(name, cache) }
        seen.formUnion(matching)
        if matching.isEmpty {
          unlisted.append(
            "\(name)\n    container  \(native[name] ?? "-")\n    vm         \(machine[name] ?? "-")"
          )
        }
      }
      if !unlisted.isEmpty {
        Issue.record(
          "\(unlisted.count) not in specs/file-server.md:\n\(unlisted.prefix(60).joined(separator: "\n"))"
        )
      }
      let idle = rows.indices.filter {
        !seen.contains($0) && !rows[$0].isOptional && rows[$0].isOf(cache)
      }
      #expect(idle.isEmpty, "no longer so: \(idle.map { rows[$0].operations })")
    }
  }
}

/// What a container and a VM both have: two file systems beside the root.
private struct OperationBundle {
  let other: String
  let fixed: String

  init(_ box: Sandbox, _ name: String) throws {
    other = box.path("\(name)-other")
    fixed = box.path("\(name)-fixed")
    for path in [other, fixed, fixed + "/directory"] { mkdir(path, 0o755) }
    chmod(other, 0o777)
    try "other\n".write(toFile: other + "/known", atomically: false, encoding: .utf8)
    try "fixed\n".write(toFile: fixed + "/known", atomically: false, encoding: .utf8)
    mkfifo(fixed + "/fifo", 0o666)
    mknod(fixed + "/null", S_IFCHR | 0o666, 1 << 8 | 3)
    for name in ["fifo", "null"] { chmod("\(fixed)/\(name)", 0o666) }
  }

  func edit(_ config: inout Config, entries: Int) {
    config["root.readonly"] = false
    config["process.noNewPrivileges"] = false
    config["linux.resources.devices"] = [["allow": true, "access": "rwm"] as [String: Any]]
    config.capabilities(
      [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "LEASE", "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT",
      ].map { "CAP_" + $0 }, in: ["bounding", "effective", "permitted"])
    config.bind(other, "/mnt/other", "rw")
    config.bind(fixed, "/mnt/fixed", "ro")
    config.env("ENTRIES=\(entries)")
    config.args("/bin/operations", "/work")
  }
}

/// A row of the table in specs/file-server.md: `| user | operations | cache | why |`.
struct KnownOperation {
  let users: [String]
  let operations: [String]
  let caches: [String]
  /// A difference that not every machine shows.
  let isOptional: Bool

  func isOf(_ cache: String) -> Bool { caches == ["*"] || caches.contains(cache) }

  /// `*` in a row stands for any text.
  func covers(_ name: String, _ cache: String) -> Bool {
    isOf(cache)
      && users.contains { user in
        operations.contains { fnmatch("\(user) \($0)", name, 0) == 0 }
      }
  }

  static func all() throws -> [KnownOperation] {
    // Brought along to where the sources are not.
    let path =
      Machines.extra("file-server.md")
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("specs/file-server.md").path
    return try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap {
      let cells = $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard $0.hasPrefix("| `"), cells.count == 4 else { return nil }
      // A list of patterns, each in backquotes: they may have commas.
      let lists = cells.prefix(3).map {
        $0.split(separator: "`").map(String.init).filter { $0 != ", " }
      }
      return KnownOperation(
        users: lists[0], operations: lists[1], caches: lists[2],
        isOptional: cells[3].hasPrefix("Where"))
    }
  }
}

/// The list of operations as a program: compiled once a run, or brought along to where no compiler is.
enum OperationProgram {
  static let path: Result<String, any Error> = Result { try brought ?? compile() }

  static var isPossible: Bool { brought != nil || Machine.has(program: "gcc") }

  private static var brought: String? { Machines.extra("operations") }

  private static func compile() throws -> String {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("FileOperations").path
    let path = NSTemporaryDirectory() + "swrun-operations-\(getpid())"
    // The warnings are about arguments that are wrong on purpose.
    try host("sh", "-c", "gcc -static -O1 -w -o \(path) \(directory)/*.c").ok("gcc")
    atexit { unlink(NSTemporaryDirectory() + "swrun-operations-\(getpid())") }
    return path
  }
}

extension Machines {
  /// What takes many minutes runs where it is asked for.
  static let isLong = ProcessInfo.processInfo.environment["SWRUN_LONG"] != nil
}

extension Trait where Self == ConditionTrait {
  static var long: Self { .enabled(if: Machines.isLong, "SWRUN_LONG=1 asks for it") }
  static var fileOperations: Self {
    .enabled(if: OperationProgram.isPossible, "no gcc here, and no program brought along")
  }
}
