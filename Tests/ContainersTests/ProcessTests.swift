import CLinux
import Linux
import OCISpec
import Testing

@testable import Containers

@Suite struct CapabilitySetsTests {
  @Test func namesAreBits() {
    let sets = CapabilitySets(
      Spec.Process.Capabilities(
        bounding: ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"], effective: ["CAP_KILL"],
        inheritable: ["CAP_SETPCAP"], permitted: ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"],
        ambient: ["CAP_SYS_ADMIN"]))
    #expect(sets.bounding == 1 | 1 << 40)
    #expect(sets.permitted == sets.bounding)
    #expect(sets.effective == 1 << 5)
    #expect(sets.inheritable == 1 << 8)
    #expect(sets.ambient == 1 << 21)
    #expect(sets.warning == nil)
  }

  @Test func whatIsNotNamedIsEmpty() {
    for sets in [CapabilitySets(nil), CapabilitySets(Spec.Process.Capabilities())] {
      #expect(sets.bounding | sets.effective | sets.permitted == 0)
      #expect(sets.inheritable | sets.ambient == 0)
    }
  }

  @Test func unknownNamesAreSaidOnce() {
    let sets = CapabilitySets(
      Spec.Process.Capabilities(
        bounding: ["CAP_NO_SUCH", "cap_kill", "KILL"], effective: ["CAP_NO_SUCH", "CAP_KILL"]))
    #expect(sets.unknown == ["CAP_NO_SUCH", "cap_kill", "KILL"])
    #expect(sets.effective == 1 << 5)
    #expect(sets.warning?.contains("CAP_NO_SUCH") == true)
  }
}

@Suite struct CPUAffinityTests {
  @Test func listsAndRanges() throws {
    #expect(try CPUAffinity("0-3,7", "initial").mask.first == 0b1000_1111)
    let high = try CPUAffinity("64, 66-67", "final").mask
    #expect(high.count == 16)
    #expect(high[8] == 0b1101)
  }

  @Test(arguments: ["3-1", "a", "1-", "-1", "1-2-3", "8192", "0-99999999999999999999"])
  func wrongLists(list: String) {
    #expect(throws: RuntimeError.self) { try CPUAffinity(list, "initial") }
  }
}

@Suite struct HomeDirectoryTests {
  private func home(_ uid: UInt32, _ passwd: String) -> String? {
    HomeDirectory.find(uid: uid, in: Array(passwd.utf8))
  }

  @Test func theFirstLineOfTheUserCounts() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\na:x:7:7::/a:/bin/sh\nb:x:7:7::/b:"
    #expect(home(0, passwd) == "/root")
    #expect(home(7, passwd) == "/a")
    #expect(home(8, passwd) == nil)
  }

  @Test func theLastLineNeedsNoEndAndNoShell() { #expect(home(5, "x:x:5:5::/home") == "/home") }

  @Test func brokenLinesAreNobodys() {
    #expect(home(0, "") == nil)
    #expect(home(0, "\n:::\n0:0:0\nroot:x:00:0::/zero:\nroot:x:0:0:::\n") == nil)
    #expect(home(0, "root:x:0:0::/a\0b:/bin/sh\n") == nil)
    #expect(home(1, "a:x:1x:1::/x:\n+::::::\nb:x:1:1::/y:/bin/sh\n") == "/y")
  }
}

@Suite struct EnvironmentTests {
  @Test func aNameIsThereOnceWithItsLastValue() {
    let environment = Environment(["A=1", "B=1", "A=2", "PATH=/x", "A=", "PATH=/y"])
    #expect(environment.entries == ["A=", "B=1", "PATH=/y"])
    #expect(environment["A"] == "")
    #expect(environment["PATH"] == "/y")
    #expect(environment["PAT"] == nil)
  }

  @Test func whatHasNoNameIsPassedOn() {
    #expect(Environment(["A", "A", "=x", "A=1", ""]).entries == ["A", "A", "=x", "A=1", ""])
    #expect(Environment(["A=1", "A", "=x", "A=2", "=y"]).entries == ["A=2", "A", "=y"])
  }

  @Test func namesAreBytes() {
    // Two spellings of one letter, which Swift's strings take for equal.
    let entries = ["\u{e9}=1", "e\u{301}=2"]
    #expect(Environment(entries).entries.map { Array($0.utf8) } == entries.map { Array($0.utf8) })
    #expect(Environment(["HOME=\u{301}"])["HOME"] == "\u{301}")
  }

  @Test func anEntryIsAdded() {
    var environment = Environment(["HOMES=/x"])
    #expect(environment["HOME"] == nil)
    environment.add("HOME", "/home")
    #expect(environment["HOME"] == "/home")
    #expect(environment.entries == ["HOMES=/x", "HOME=/home"])
  }
}

@Suite struct ExecutableTests {
  @Test func foundInPath() throws {
    let found = try Executable.find(
      "sh", searchPath: "/nowhere:/etc:/bin", isInPlace: true)
    #expect(found.path == "/bin/sh")
  }

  @Test(arguments: [
    ("no-such", "executable file not found in $PATH", 127),
    ("", "executable file not found in $PATH", 127),
    ("passwd.no", "executable file not found in $PATH", 127),
    ("/no/such", "stat /no/such: no such file or directory", 127),
    ("/etc/passwd/x", "not a directory", 127), ("/etc", "is a directory", 126),
    ("/etc/passwd", "permission denied", 126), ("/dev/null", "permission denied", 126),
  ])
  func notFound(name: String, reason: String, code: Int32) {
    let error = #expect(throws: RuntimeError.self) {
      try Executable.find(name, searchPath: "/bin:/etc", isInPlace: true)
    }
    #expect(error?.message.hasPrefix("exec: \"\(name)\": ") == true)
    #expect(error?.message.hasSuffix(reason) == true, "\(String(describing: error))")
    #expect(error?.exitCode == code)
  }

  @Test func aRelativePathWaitsForTheWorkingDirectory() throws {
    #expect(try Executable.find("./no", searchPath: nil, isInPlace: false).path == "./no")
    #expect(throws: RuntimeError.self) {
      try Executable.find("/no", searchPath: nil, isInPlace: false)
    }
  }
}

@Suite struct ExecutableHeaderTests {
  private func parse(_ bytes: [UInt8]) -> ExecutableHeader.Format {
    ExecutableHeader.parse { offset, count in
      guard let start = Int(exactly: offset), start < bytes.count else { return [] }
      return Array(bytes[start..<min(start + count, bytes.count)])
    }
  }

  /// An ELF file of 64 bits with one PT_INTERP header.
  private func elf(
    machine: UInt16 = 62, loader: String, table: UInt64 = 64, offset: UInt64 = 120,
    size: UInt64? = nil
  ) -> [UInt8] {
    func little(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    bytes += little(2, 2) + little(UInt64(machine), 2) + little(1, 4) + little(0, 8)
    bytes += little(table, 8) + little(0, 8) + little(0, 4) + little(64, 2) + little(56, 2)
    bytes += little(1, 2) + little(0, 6)
    bytes += little(3, 4) + little(4, 4) + little(offset, 8) + little(0, 16)
    bytes += little(size ?? UInt64(loader.utf8.count + 1), 8) + little(0, 16)
    return bytes + Array(loader.utf8) + [0]
  }

  @Test(arguments: [
    ("#!/bin/sh\necho", "/bin/sh"), ("#! \t/usr/bin/env  python\n", "/usr/bin/env"),
    ("#!/bin/sh\r\n", "/bin/sh\r"), ("#!", ""), ("#!/no-end", "/no-end"),
  ])
  func scripts(text: String, interpreter: String) {
    #expect(parse(Array(text.utf8)) == .script(interpreter))
  }

  @Test func loaders() {
    #expect(
      parse(elf(loader: "/lib64/ld-linux-x86-64.so.2"))
        == .elf(machine: 62, loader: "/lib64/ld-linux-x86-64.so.2"))
    #expect(parse(elf(machine: 183, loader: "/x")) == .elf(machine: 183, loader: "/x"))
  }

  @Test func loadersOfPrograms32BitsWide() {
    func little(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }
    let loader = Array("/lib/ld-linux.so.2".utf8) + [0]
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    bytes += little(2, 2) + little(3, 2) + little(1, 4) + little(0, 4) + little(52, 4)
    bytes += little(0, 8) + little(52, 2) + little(32, 2) + little(1, 2) + little(0, 6)
    bytes += little(3, 4) + little(84, 4) + little(0, 8) + little(UInt64(loader.count), 4)
    bytes += little(0, 12) + loader
    #expect(parse(bytes) == .elf(machine: 3, loader: "/lib/ld-linux.so.2"))
  }

  @Test func whatIsMissingIsLookedForThroughTheInterpreters() throws {
    let directory = "/tmp/header-\(UInt64.random(in: 0 ... .max))"
    try File.makeDirectories(directory)
    defer {
      for name in ["lacking", "outer", "loop", "text"] {
        _ = cl_unlinkat(AT_FDCWD, "\(directory)/\(name)", 0)
      }
      _ = cl_unlinkat(AT_FDCWD, directory, AT_REMOVEDIR)
    }
    func put(_ name: String, _ text: String) throws {
      try FileDescriptor.open("\(directory)/\(name)", O_WRONLY | O_CREAT, mode: 0o755)
        .writeAll(Array(text.utf8))
    }
    try put("lacking", "#!/no/such/shell\n")
    try put("outer", "#!\(directory)/lacking -x\n")
    try put("loop", "#!\(directory)/loop\n")
    try put("text", "echo")
    #expect(
      ExecutableHeader.missing(of: "\(directory)/outer") == "its interpreter \(directory)/lacking: "
        + "its interpreter /no/such/shell: no such file or directory")
    #expect(ExecutableHeader.missing(of: "\(directory)/loop")?.isEmpty == false)
    #expect(ExecutableHeader.missing(of: "\(directory)/text") == nil)
    #expect(ExecutableHeader.missing(of: "\(directory)/none") == nil)
  }

  @Test func hostileHeaders() {
    let none = ExecutableHeader.Format.elf(machine: 62, loader: nil)
    #expect(parse(elf(loader: "/x", table: .max)) == none)
    #expect(parse(elf(loader: "/x", size: .max)) == none)
    #expect(parse(elf(loader: "/x", size: 0)) == none)
    #expect(parse(elf(loader: "/x", offset: .max)) == .elf(machine: 62, loader: ""))
    let whole = elf(loader: "/lib/ld.so")
    for length in 0..<whole.count { _ = parse(Array(whole[..<length])) }
    #expect(parse([]) == .other)
  }

  @Test func everyByteOfTheHeaderMayBeAnything() {
    let whole = elf(loader: "/lib/ld.so")
    for index in whole.indices {
      for value in [UInt8(0), 1, 0x7f, 0x80, 0xff] {
        var bytes = whole
        bytes[index] = value
        if case .elf(_, let loader?) = parse(bytes) { #expect(loader.utf8.count <= 4096) }
      }
    }
  }
}

@Suite struct StandardStreamsTests {
  @Test func theHostsIdOfAUser() {
    let mappings = [
      Spec.IDMapping(containerID: 0, hostID: 1000, size: 1),
      Spec.IDMapping(containerID: 1, hostID: 100_000, size: 10),
      Spec.IDMapping(containerID: 500, hostID: .max - 1, size: 10),
    ]
    #expect(StandardStreams.hostUser(0, mappings) == 1000)
    #expect(StandardStreams.hostUser(10, mappings) == 100_009)
    #expect(StandardStreams.hostUser(11, mappings) == nil)
    #expect(StandardStreams.hostUser(505, mappings) == nil)
    #expect(StandardStreams.hostUser(0, []) == nil)
  }
}

@Suite struct ResourceLimitTests {
  /// The numbers of the kernel's <asm-generic/resource.h>, which are an ABI.
  @Test func everyKindHasItsOwnNumber() {
    let numbers = Spec.Process.Rlimit.Kind.allCases.map(ResourceLimits.number)
    #expect(Set(numbers) == Set(0..<16))
    #expect(ResourceLimits.number(.openFiles) == 7)
    #expect(ResourceLimits.number(.locks) == 10)
  }
}
