import CLinux
import Linux
import SeededRandom
import Testing

@testable import Virtio

/// Long streams, both ways, byte for byte. SWRUN_SCALE=4 makes them one gigabyte.
@Suite struct VsockThroughputTests {
  private static let total = (256 << 20) * SeededRandom.scale
  private static let packet = 65536

  /// The byte at a place of the stream, told apart from its neighbours of other packets.
  private static func block(_ index: Int) -> [UInt8] {
    var block = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: packet)
    block[0] = UInt8(truncatingIfNeeded: index >> 8)
    block[packet - 1] = UInt8(truncatingIfNeeded: index >> 16)
    return block
  }

  @Test func theHostReadsAllThatTheGuestSends() throws {
    let guest = try FakeVsockGuest(bufferSize: Self.packet + 44)
    let host = FileDescriptorBox(try guest.device.connect(port: 1))
    let port = try #require(guest.accept()).sourcePort
    var credit = Int(VsockConnection.window)
    var told: UInt32 = 0
    var read = 0
    for index in 0..<Self.total / Self.packet {
      while credit < Self.packet {
        let block = try #require(host.read(Self.packet))
        #expect(block == Self.block(read))
        read += 1
        guest.settle()
        while let (header, _) = guest.receiveNow() {
          credit += Int(header.forwarded &- told)
          told = header.forwarded
        }
      }
      try #require(guest.send(guest.header(.data, from: 1, to: port), Self.block(index)))
      credit -= Self.packet
    }
    guest.send(guest.header(.shutdown, from: 1, to: port, flags: 2))
    while read < Self.total / Self.packet {
      #expect(try #require(host.read(Self.packet)) == Self.block(read))
      read += 1
    }
    #expect(host.isAtEnd)
  }

  @Test func theGuestReceivesAllThatTheHostWrites() throws {
    let guest = try FakeVsockGuest(bufferSize: Self.packet + 44)
    let host = FileDescriptorBox(try guest.device.connect(port: 1))
    let port = try #require(guest.accept()).sourcePort
    _ = cl_fcntl(host.number, F_SETFL, Int(O_NONBLOCK))
    var written = 0
    var received = 0
    var told = 0
    while received < Self.total {
      // A whole block at a time, or what fits of it.
      while written < Self.total {
        let block = Self.block(written / Self.packet)
        let start = written % Self.packet
        let count = block.withUnsafeBytes {
          cl_write(host.number, $0.baseAddress! + start, Self.packet - start)
        }
        if count <= 0 { break }
        written += count
      }
      let packet = try #require(guest.receive())
      if packet.header.operation == .creditRequest { told = 0 }
      // First and last bytes of packets and blocks: a shift by one byte shows there.
      for index in [0, packet.data.count / 2, packet.data.count - 1] where packet.data.count > 0 {
        let place = received + index
        #expect(packet.data[index] == Self.block(place / Self.packet)[place % Self.packet])
      }
      received += packet.data.count
      guest.forwarded = UInt32(truncatingIfNeeded: received)
      if received - told >= 1 << 17 {
        told = received
        guest.send(guest.header(.creditUpdate, from: 1, to: port))
      }
    }
    #expect(received == Self.total)
  }
}
