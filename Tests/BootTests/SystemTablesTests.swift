import CLinux
import Linux
import Testing

@testable import Boot

@Suite struct SystemTablesTests {
  private static let address: UInt64 = 0xe_0000
  private static let disassembler = "/usr/bin/iasl"

  /// The tables of the block by their signatures, found as a kernel finds them.
  private func walk(_ block: [UInt8]) throws -> [String: [UInt8]] {
    func sum(_ bytes: some Sequence<UInt8>) -> UInt8 { bytes.reduce(0) { $0 &+ $1 } }
    func table(_ address: UInt64) throws -> [UInt8] {
      let offset = Int(address - Self.address)
      let length = Int(try #require(block.value(at: offset + 4, as: UInt32.self)))
      let bytes = Array(
        try #require(block.count >= offset + length ? block[offset..<offset + length] : nil))
      #expect(sum(bytes) == 0)
      #expect(offset % 16 == 0)
      return bytes
    }
    #expect(block.starts(with: "RSD PTR ".utf8))
    #expect(sum(block.prefix(20)) == 0)
    #expect(sum(block.prefix(36)) == 0)
    let root = try table(try #require(block.value(at: 24, as: UInt64.self)))
    var found = ["XSDT": root]
    for offset in stride(from: 36, to: root.count, by: 8) {
      let bytes = try table(try #require(root.value(at: offset, as: UInt64.self)))
      found[String(decoding: bytes.prefix(4), as: UTF8.self)] = bytes
    }
    let fixed = try #require(found["FACP"])
    let dsdt = try #require(fixed.value(at: 140, as: UInt64.self))
    #expect(fixed.value(at: 40, as: UInt32.self) == UInt32(dsdt))
    found["DSDT"] = try table(dsdt)
    return found
  }

  private func tables(processors: Int = 2, devices: Int = 5) throws -> [String: [UInt8]] {
    try walk(
      SystemTables(try Sample.layout(processors: processors, devices: devices), at: Self.address)
        .bytes)
  }

  @Test func fixedTable() throws {
    let table = try #require(try tables()["FACP"])
    #expect(table.count == 276)
    #expect(table[8] == 6)
    #expect(table.value(at: 112, as: UInt32.self) == 0x10_0431)
    for (offset, port) in [(116, UInt64(0x602)), (244, 0x600), (256, 0x601)] {
      #expect(Array(table[offset..<offset + 4]) == [1, 8, 0, 1])
      #expect(table.value(at: offset + 4, as: UInt64.self) == port)
    }
    #expect(table[128] == MachineLayout.resetValue)
  }

  @Test(arguments: [1, 2, 32]) func interruptTable(_ processors: Int) throws {
    let table = try #require(try tables(processors: processors)["APIC"])
    #expect(table.value(at: 36, as: UInt32.self) == 0xfee0_0000)
    #expect(table.value(at: 40, as: UInt32.self) == 0)
    var offset = 44
    var seen: [UInt8: Int] = [:]
    while offset < table.count {
      let kind = table[offset]
      if kind == 0 {
        #expect(
          Array(table[offset + 2..<offset + 8]) == [
            UInt8(seen[0] ?? 0), UInt8(seen[0] ?? 0), 1, 0, 0, 0,
          ])
      }
      if kind == 1 {
        #expect(table.value(at: offset + 4, as: UInt32.self) == 0xfec0_0000)
        #expect(table.value(at: offset + 8, as: UInt32.self) == 0)
      }
      seen[kind, default: 0] += 1
      try #require(table[offset + 1] > 1)
      offset += Int(table[offset + 1])
    }
    #expect(offset == table.count)
    #expect(seen == [0: processors, 1: 1, 4: 1])
  }

  @Test(arguments: [0, 1, 5, 19]) func blockOfDevices(_ devices: Int) throws {
    let table = try #require(try tables(devices: devices)["DSDT"])
    var windows = 0
    for offset in 36..<table.count where table[offset...].starts(with: [0x86, 9, 0, 1]) {
      let base = UInt32(0xd000_0000) + UInt32(windows) * 0x1000
      #expect(table.value(at: offset + 4, as: UInt32.self) == base)
      #expect(table.value(at: offset + 8, as: UInt32.self) == 0x1000)
      #expect(Array(table[offset + 12..<offset + 17]) == [0x89, 6, 0, 3, 1])
      #expect(table.value(at: offset + 17, as: UInt32.self) == UInt32(5 + windows))
      windows += 1
    }
    #expect(windows == devices)
    // The block ends with \_S5_: Package(4) { 5, 0, 0, 0 }.
    #expect(
      table.suffix(17).elementsEqual(
        [0x08] + Array("\\_S5_".utf8) + [0x12, 0x0a, 4, 0x0a, 5, 0x0a, 0, 0x0a, 0, 0x0a, 0]))
  }

  /// A shell command's status and output.
  private func run(_ command: String) -> (status: CInt, output: String) {
    guard let stream = popen(command, "r") else { return (-1, "popen failed") }
    var output: [UInt8] = []
    var byte = fgetc(stream)
    while byte != EOF {
      output.append(UInt8(truncatingIfNeeded: byte))
      byte = fgetc(stream)
    }
    return (pclose(stream), String(decoding: output, as: UTF8.self))
  }

  /// ACPICA's disassembler reads all tables without a complaint and shows what was meant.
  @Test(.enabled(if: File.exists(disassembler)))
  func disassembled() throws {
    let folder = "/tmp/boot-tables-\(UInt64.random(in: 0...UInt64.max))"
    try File.makeDirectories(folder)
    defer { _ = run("rm -rf \(folder)") }
    let directory = try FileDescriptor.open(folder, O_RDONLY | O_DIRECTORY)
    var text: [String: String] = [:]
    for (name, bytes) in try tables(processors: 3, devices: 19) {
      try File.replace("\(name).dat", with: bytes, in: DirectoryReference(directory))
      let (status, said) = run("\(Self.disassembler) -d \(folder)/\(name).dat 2>&1")
      #expect(status == 0, "\(name): \(said)")
      for word in ["Error", "Warning", "Invalid", "Unknown", "incorrect"] {
        #expect(!said.contains(word), "\(name): \(said)")
      }
      text[name] = try File.readText("\(folder)/\(name).dsl")
    }
    let dsdt = try #require(text["DSDT"])
    #expect(dsdt.split(separator: "\"LNRO0005\"").count == 20)
    #expect(dsdt.contains("Device (VR18)"))
    #expect(dsdt.contains("Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive, ,, )"))
    #expect(dsdt.contains("0xD0012000,         // Address Base"))
    #expect(dsdt.contains("Name (\\_S5, Package (0x04)"))
    #expect(dsdt.contains("\"PNP0501\""))
    let fadt = try #require(text["FACP"])
    #expect(fadt.contains("Hardware Reduced (V5) : 1"))
    #expect(fadt.contains("Reset Register Supported (V2) : 1"))
    #expect(!fadt.contains("Unknown"))
    let madt = try #require(text["APIC"])
    #expect(madt.split(separator: "[Processor Local APIC]").count == 4)
  }
}
