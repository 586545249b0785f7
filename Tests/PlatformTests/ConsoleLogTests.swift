import CLinux
import Linux
import Testing

import Platform

@Suite struct ConsoleLogTests {
  private func makeFile() throws -> FileDescriptor {
    FileDescriptor(owning: try system("memfd_create") { cl_memfd_create("console", 1) })
  }

  private func contents(_ file: borrowing FileDescriptor) throws -> [UInt8] {
    try FileDescriptor.open("/proc/self/fd/\(file.rawValue)", O_RDONLY).readAll(limit: 4 << 20)
  }

  @Test func theLastLinesAreWithoutControlCharacters() {
    let log = ConsoleLog(file: -1)
    log.append(Array("one\r\ntwo\n\u{1b}[31mred\u{1b}[0m\u{7}\tend\nlast\u{1b}[2".utf8))
    log.append([0xff, 0x0a])
    #expect(log.lastLines(2) == "red end\nlast")
    #expect(log.lastLines(100).hasPrefix("one\ntwo\n"))
  }

  @Test func aLineIsCut() {
    let log = ConsoleLog(file: -1)
    log.append([UInt8](repeating: 0x41, count: 100_000))
    #expect(log.lastLines(5) == String(repeating: "A", count: 400))
  }

  @Test func onlyTheNewestBytesAreKept() {
    let log = ConsoleLog(file: -1)
    for number in 0..<20_000 { log.append("line \(number)\n".utf8) }
    let lines = log.lastLines(1_000_000).split(separator: "\n")
    #expect(lines.last == "line 19999")
    #expect(lines.count < 7_000)
  }

  @Test func theFileHasLinesAtOnceAndTheRestAfterAFlush() throws {
    let file = try makeFile()
    let log = ConsoleLog(file: file.rawValue)
    log.append("whole\npart".utf8)
    #expect(try contents(file) == Array("whole\n".utf8))
    log.flush()
    #expect(try contents(file) == Array("whole\npart".utf8))
  }

  @Test func theFileIsBounded() throws {
    let file = try makeFile()
    let log = ConsoleLog(file: file.rawValue)
    let line = [UInt8](repeating: 0x42, count: 1023) + [0x0a]
    for _ in 0..<1200 { log.append(line) }
    log.append("the end\n".utf8)
    let bytes = try contents(file)
    #expect(bytes.count <= ConsoleLog.fileLimit)
    #expect(bytes.count >= ConsoleLog.capacity)
    #expect(bytes.suffix(8) == Array("the end\n".utf8)[...])
  }

  @Test func aFloodIsLeftOutOfTheFileAndCounted() throws {
    let file = try makeFile()
    let clock = Locked<Int64>(0)
    let log = ConsoleLog(file: file.rawValue, now: { clock.withLock { $0 } })
    let line = [UInt8](repeating: 0x42, count: 63) + [0x0a]
    for _ in 0..<100_000 { log.append(line) }
    let size = try contents(file).count
    for _ in 0..<10_000 { log.append(line) }
    #expect(try contents(file).count == size, "nothing more while the clock stands")
    clock.withLock { $0 = 10_000_000_000 }
    log.append("later\n".utf8)
    let text = String(decoding: try contents(file), as: UTF8.self)
    #expect(text.contains("bytes were left out]\n"))
    #expect(text.hasSuffix("later\n"))
    #expect(log.lastLines(1) == "later")
  }
}
