import CLinux
import Linux
import Testing

@testable import Virtio

/// The device between a fake driver and real sockets.
@Suite struct VsockDeviceTests {
  private func connected(
    _ guest: FakeVsockGuest, port: UInt32 = 1024
  ) throws -> (FileDescriptorBox, VsockHeader) {
    let host = FileDescriptorBox(try guest.device.connect(port: port))
    let request = try #require(guest.accept())
    #expect(request.targetPort == port)
    return (host, request)
  }

  @Test func theConfigurationIsTheContextID() {
    let device = VsockDevice(guestCID: 0x0102_0304, listener: nil)
    var bytes = [UInt8](repeating: 0xff, count: 10)
    bytes.withUnsafeMutableBytes { device.readConfiguration(offset: 1, into: $0) }
    #expect(bytes == [3, 2, 1, 0, 0, 0, 0, 0, 0, 0])
    bytes.withUnsafeMutableBytes { device.readConfiguration(offset: .max, into: $0) }
    #expect(bytes.allSatisfy { $0 == 0 })
  }

  @Test func dataGoesBothWays() throws {
    let guest = try FakeVsockGuest()
    let (host, request) = try connected(guest)
    host.write(Array("from the host".utf8))
    let packet = try #require(guest.receive())
    #expect(packet.header.operation == .data)
    #expect(packet.header.sourceCID == 2 && packet.header.targetCID == 3)
    #expect(packet.data == Array("from the host".utf8))
    guest.send(guest.header(.data, from: 1024, to: request.sourcePort), Array("back".utf8))
    #expect(host.read(4) == Array("back".utf8))
  }

  @Test func aConnectionMadeBeforeTheDriverIsThereWaitsForIt() throws {
    let device = VsockDevice(guestCID: 3, listener: nil)
    let host = FileDescriptorBox(try device.connect(port: 5))
    host.write([1, 2, 3])
    #expect(host.number >= 0)
    // Dropped with the device: the end is read.
    withExtendedLifetime(device) {}
  }

  @Test func aHostThatEndsItsHalfStillReceives() throws {
    let guest = try FakeVsockGuest()
    let (host, request) = try connected(guest)
    host.write([1])
    #expect(cl_shutdown(host.number, CInt(SHUT_WR)) == 0)
    #expect(try #require(guest.receive()).data == [1])
    let end = try #require(guest.receive()).header
    #expect(end.operation == .shutdown && end.flags == VsockShutdown.send.rawValue)
    guest.send(guest.header(.data, from: 1024, to: request.sourcePort), [2, 3])
    #expect(host.read(2) == [2, 3])
  }

  @Test func aGuestThatEndsItsHalfStillReceives() throws {
    let guest = try FakeVsockGuest()
    let (host, request) = try connected(guest)
    guest.send(guest.header(.data, from: 1024, to: request.sourcePort), [9])
    guest.send(guest.header(.shutdown, from: 1024, to: request.sourcePort, flags: 2))
    #expect(host.read(2) == [9])
    host.write([4])
    #expect(try #require(guest.receive()).data == [4])
  }

  @Test func aGuestThatClosesGetsAReset() throws {
    let guest = try FakeVsockGuest()
    let (host, request) = try connected(guest)
    host.write([5])
    #expect(try #require(guest.receive()).data == [5])
    guest.send(guest.header(.shutdown, from: 1024, to: request.sourcePort, flags: 3))
    #expect(try #require(guest.receive()).header.operation == .reset)
    #expect(host.isAtEnd)
  }

  /// Data that the guest never read must not become ECONNRESET for who still reads its answer.
  @Test func theAnswerOfAGuestThatClosesIsReadToItsEnd() throws {
    let guest = try FakeVsockGuest()
    guest.window = 0
    let (host, request) = try connected(guest)
    host.write([UInt8](repeating: 1, count: 5000))
    guest.send(guest.header(.data, from: 1024, to: request.sourcePort), [7, 8])
    guest.send(guest.header(.shutdown, from: 1024, to: request.sourcePort, flags: 3))
    #expect(host.read(3) == [7, 8])
  }

  @Test func aHostThatClosesEndsBothHalves() throws {
    let guest = try FakeVsockGuest()
    do {
      let (host, _) = try connected(guest)
      host.write([1, 2])
    }
    var data: [UInt8] = []
    var flags: UInt32 = 0
    while flags != VsockShutdown.both.rawValue {
      let packet = try #require(guest.receive())
      data += packet.data
      if packet.header.operation == .shutdown { flags = packet.header.flags }
    }
    #expect(data == [1, 2])
  }

  @Test func aRefusedConnectionIsAtItsEnd() throws {
    let guest = try FakeVsockGuest()
    let host = FileDescriptorBox(try guest.device.connect(port: 9))
    let request = try #require(guest.receive()).header
    guest.send(guest.header(.reset, from: 9, to: request.sourcePort))
    #expect(host.isAtEnd)
  }

  @Test func onlyTheFirstConnectionToTheAwaitedPortIsTaken() throws {
    let guest = try FakeVsockGuest()
    let boot = FileDescriptorBox(try guest.device.awaitConnection(port: 1024))
    guest.send(guest.header(.request, from: 50, to: 99))
    #expect(try #require(guest.receive()).header.operation == .reset)
    guest.send(guest.header(.request, from: 50, to: 1024))
    #expect(try #require(guest.receive()).header.operation == .response)
    guest.send(guest.header(.request, from: 51, to: 1024))
    let refusal = try #require(guest.receive()).header
    #expect(refusal.operation == .reset && refusal.targetPort == 51)
    guest.send(guest.header(.data, from: 50, to: 1024), Array("hello".utf8))
    #expect(boot.read(5) == Array("hello".utf8))
  }

  // MARK: Credit

  @Test func theHostSendsNoMoreThanTheGuestHasRoomFor() throws {
    let guest = try FakeVsockGuest()
    guest.window = 100
    let (host, request) = try connected(guest)
    host.write([UInt8](repeating: 7, count: 150))
    #expect(try #require(guest.receive()).data.count == 100)
    #expect(try #require(guest.receive()).header.operation == .creditRequest)
    guest.settle()
    #expect(guest.receiveNow() == nil)
    guest.forwarded = 100
    guest.send(guest.header(.creditUpdate, from: 1024, to: request.sourcePort))
    #expect(try #require(guest.receive()).data.count == 50)
  }

  @Test func theGuestCanNotOverrunItsCredit() throws {
    let guest = try FakeVsockGuest(bufferSize: 65536 + 44)
    let (host, request) = try connected(guest)
    var small: CInt = 4096
    _ = setsockopt(host.number, SOL_SOCKET, SO_RCVBUF, &small, 4)
    let part = [UInt8](repeating: 1, count: 65536)
    // The socket takes some of it, and the buffer its 256 KiB: then the stream is over.
    var operation: VsockHeader.Operation?
    for _ in 0..<64 where operation != .reset {
      guest.send(guest.header(.data, from: 1024, to: request.sourcePort), part)
      guest.settle()
      while let packet = guest.receiveNow() { operation = packet.header.operation }
    }
    #expect(operation == .reset)
  }

  @Test func aSlowReaderHoldsTheGuestBackAndLosesNothing() throws {
    let guest = try FakeVsockGuest(bufferSize: 65536 + 44)
    let (host, request) = try connected(guest)
    let total = 4 << 20
    var sent = 0
    var credit = Int(VsockConnection.window)
    var told: UInt32 = 0
    var received: [UInt8] = []
    while received.count < total {
      if credit >= 32768, sent < total {
        let part = (sent..<sent + 32768).map { UInt8(truncatingIfNeeded: $0 / 7) }
        guest.send(guest.header(.data, from: 1024, to: request.sourcePort), part)
        sent += part.count
        credit -= part.count
      } else {
        received += try #require(host.read(min(50000, sent - received.count)))
        guest.settle()
      }
      while let packet = guest.receiveNow() {
        #expect(packet.header.operation == .creditUpdate)
        credit += Int(packet.header.forwarded &- told)
        told = packet.header.forwarded
      }
    }
    #expect(received == (0..<total).map { UInt8(truncatingIfNeeded: $0 / 7) })
  }

  // MARK: The listening socket

  private func listener() throws -> (CInt, String) {
    let path = "/tmp/swrun-vsock-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    let socket = try system("socket") { cl_socket(AF_UNIX, cl_sock_type(0) | cl_sock_cloexec(), 0) }
    try system("bind") { cl_unix_bind(socket, path) }
    try system("listen") { cl_listen(socket, 16) }
    return (socket, path)
  }

  @Test func aProcessOfTheHostConnectsByALine() throws {
    let (socket, path) = try listener()
    defer { _ = cl_unlinkat(AT_FDCWD, path, 0) }
    let guest = try FakeVsockGuest(listener: socket)
    let host = FileDescriptorBox(try FileDescriptor.connectUnix(path))
    host.write(Array("CONN".utf8))
    guest.settle()
    host.write(Array("ECT 77\nfollows".utf8))
    let request = try #require(guest.accept())
    #expect(request.targetPort == 77)
    #expect(try #require(guest.receive()).data == Array("follows".utf8))
    let line = Array("OK \(request.sourcePort)\n".utf8)
    #expect(host.read(line.count) == line)
  }

  @Test(arguments: [
    "CONNECT\n", "CONNECT x\n", "CONNECT 4294967296\n", "CONNECT  1\n", "connect 1\n", "\n",
    "CONNECT 1 \n", "CONNECT 11111111111111111111111111111",
  ])
  func aWrongLineIsTheEnd(_ line: String) throws {
    let (socket, path) = try listener()
    defer { _ = cl_unlinkat(AT_FDCWD, path, 0) }
    let guest = try FakeVsockGuest(listener: socket)
    let host = FileDescriptorBox(try FileDescriptor.connectUnix(path))
    host.write(Array(line.utf8))
    var byte: UInt8 = 0
    #expect(isReadable(host.number))
    #expect(cl_read(host.number, &byte, 1) <= 0)
    withExtendedLifetime(guest) {}
  }

  @Test func aGreetingIsALineWithAPort() {
    func greeting(_ text: String) -> VsockHost.Greeting {
      VsockHost.greeting(Array(text.utf8)[...])
    }
    #expect(greeting("CONNECT 0") == .port(0))
    #expect(greeting("CONNECT 4294967295") == .port(.max))
    #expect(greeting("CONNECT 4294967296") == .wrong)
    #expect(greeting("CONNECT -1") == .wrong)
    #expect(greeting("CONNECT ") == .wrong)
  }
}
