import Linux
import Testing

import Platform

/// A serial port, what it wrote, and the levels of its interrupt.
private struct Port {
  let log = ConsoleLog(file: -1)
  let levels = Locked<[Bool]>([])
  let ports: PortSpace

  init() {
    let levels = levels
    ports = PortSpace(
      serial: SerialPort(log: log) { level in levels.withLock { $0.append(level) } })
  }

  func write(_ port: UInt16, _ bytes: UInt8..., size: Int = 1) -> PortSpace.Ending? {
    ports.write(port, size: size, bytes.span.bytes)
  }

  func read(_ port: UInt16, count: Int = 1, size: Int = 1) -> [UInt8] {
    var bytes = [UInt8](repeating: 0x77, count: count)
    var span = bytes.mutableSpan
    var data = span.mutableBytes
    ports.read(port, size: size, into: &data)
    return bytes
  }
}

@Suite struct PortTests {
  @Test func whatIsSentIsLogged() {
    let port = Port()
    for byte in "hello\n".utf8 { #expect(port.write(0x3f8, byte) == nil) }
    // A string instruction gives several bytes at once.
    #expect(port.write(0x3f8, 0x61, 0x62, 0x63, 0x0a) == nil)
    #expect(port.log.lastLines(2) == "hello\nabc")
    #expect(port.read(0x3fd) == [0x60], "the transmitter is always empty")
  }

  @Test func theDivisorIsNotOutput() {
    let port = Port()
    _ = port.write(0x3fb, 0x83)
    _ = port.write(0x3f8, 0x41)
    _ = port.write(0x3f9, 0x01)
    #expect(port.read(0x3f8) == [0x41])
    #expect(port.read(0x3f9) == [0x01])
    _ = port.write(0x3fb, 0x03)
    #expect(port.read(0x3f8) == [0])
    #expect(port.log.lastLines(1) == "")
  }

  @Test func anEmptyTransmitterInterruptsUntilItIsLookedAt() {
    let port = Port()
    #expect(port.read(0x3fa) == [0x01], "nothing is pending")
    _ = port.write(0x3fa, 0x01)
    _ = port.write(0x3f9, 0x02)
    #expect(port.levels.withLock { $0 } == [true])
    #expect(port.read(0x3fa) == [0xc2])
    #expect(port.levels.withLock { $0 } == [true, false])
    #expect(port.read(0x3fa) == [0xc1])
    _ = port.write(0x3f8, 0x41)
    #expect(port.levels.withLock { $0 } == [true, false, true])
    _ = port.write(0x3f9, 0x00)
    #expect(port.levels.withLock { $0 } == [true, false, true, false])
  }

  @Test func loopbackIsHowALinuxDriverFindsThePort() {
    let port = Port()
    _ = port.write(0x3fc, 0x1a)
    #expect(port.read(0x3fe)[0] & 0xf0 == 0x90)
    _ = port.write(0x3f8, 0x41)
    #expect(port.log.lastLines(1) == "", "what loops back does not go out")
    _ = port.write(0x3ff, 0x5a)
    #expect(port.read(0x3ff) == [0x5a])
  }

  @Test func theMachineEndsByItsPorts() {
    let port = Port()
    #expect(port.write(0x64, 0xfe) == .reset)
    #expect(port.write(0x64, 0xd1) == nil)
    #expect(port.write(0x600, 0x34) == .powerOff)
    #expect(port.write(0x600, 0x14) == nil, "not enabled")
    #expect(port.write(0x600, 0x30) == nil, "another state")
    #expect(port.write(0x602, 1) == .reset)
    #expect(port.write(0x600, 0x34, 0, size: 2) == nil, "a byte wide register")
    #expect(port.read(0x64) == [0])
    #expect(port.read(0x601) == [0])
  }

  @Test func elsewhereIsNothing() {
    let port = Port()
    #expect(port.read(0x70) == [0xff])
    #expect(port.read(0xcfc, count: 4, size: 4) == [0xff, 0xff, 0xff, 0xff])
    #expect(port.read(0x3f8, count: 2, size: 2) == [0xff, 0xff])
    #expect(port.write(0xcf8, 1, 2, 3, 4, size: 4) == nil)
  }

  @Test func memoryWithoutADeviceIsOnes() {
    var bytes: [UInt8] = [1, 2, 3, 4]
    var span = bytes.mutableSpan
    var data = span.mutableBytes
    MMIOSpace(transports: []).read(0xd000_0000, into: &data)
    #expect(bytes == [0xff, 0xff, 0xff, 0xff])
    MMIOSpace(transports: []).write(.max, bytes.span.bytes)
  }
}
