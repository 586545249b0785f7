import CLinux
import GuestMemory
import Linux
import Testing

@testable import Virtio

/// Answers a request with its bytes turned round; one that begins with `!` waits for `open`, one with
/// `-` has no answer, and one with `?` none before there was one with `+`, which has no answer.
private final class EchoHandler: FilesystemHandler, @unchecked Sendable {
  struct State {
    var prepared = 0
    var waiting = 0
    var isOpen = false
    var handled = 0
    /// For requests with `?`, which were asked so often, and so often for the last time.
    var room = 0
    var asked = 0
    var lastTimes = 0
    var highestTicket: UInt64 = 0
  }
  let state = Monitor(State())
  var failsToPrepare = false

  func prepareThread() throws(SystemError) {
    if failsToPrepare { throw SystemError(EPERM, "unshare", "test") }
    state.withLock { $0.prepared += 1 }
  }

  func handle(request: Segments, reply: Segments, waiting: inout RequestWaiting) -> Int? {
    let mayWait = waiting.isAllowed
    let bytes = request.flatMap { Array($0) }
    if bytes.first == UInt8(ascii: "?") {
      let isAnswered = state.withLock { state in
        state.asked += 1
        waiting.ticket += 1
        state.highestTicket = max(state.highestTicket, waiting.ticket)
        if !mayWait { state.lastTimes += 1 }
        guard state.room > 0 || !mayWait else { return false }
        state.room -= 1
        return true
      }
      state.signal()
      if !isAnswered { return nil }
    }
    if bytes.first == UInt8(ascii: "+") {
      state.withLock { $0.room += 1 }
      return 0
    }
    if bytes.first == UInt8(ascii: "!") {
      state.withLock { $0.waiting += 1 }
      state.signal()
      state.wait { $0.isOpen }
    }
    if bytes.first == UInt8(ascii: "-") {
      state.withLock { $0.handled += 1 }
      return 0
    }
    var answer = Array(bytes.reversed())[...]
    for segment in reply {
      segment.copyBytes(from: answer.prefix(segment.count))
      answer = answer.dropFirst(segment.count)
    }
    state.withLock { $0.handled += 1 }
    return bytes.count
  }

  var canGoOn: Bool { state.withLock { $0.room > 0 } }

  func open() {
    state.withLock { $0.isOpen = true }
    state.signal()
  }
}

@Suite struct FilesystemDeviceTests {
  private func run(
    threads: Int = 3, queues: Int = 1, waitLimit: Int = 600_000, waitTurn: Int = 600_000,
    _ body: (FakeDriver, EchoHandler) throws -> Void
  ) throws {
    let handler = EchoHandler()
    let device = try FilesystemDevice(
      tag: "swrun", requestQueues: queues, threads: threads, waitLimit: waitLimit,
      waitTurn: waitTurn, handler: handler)
    let driver = try FakeDriver(device)
    driver.start()
    try body(driver, handler)
    driver.close()
    device.stop()
  }

  /// Offers a request whose answer comes to the same place plus 0x800.
  private func send(_ driver: FakeDriver, _ queue: Int, _ text: String, slot: UInt16 = 0) {
    let address = 0x10_0000 + UInt64(slot) * 0x1000
    driver.rings[queue].fill(address, Array(text.utf8))
    driver.rings[queue].offer(
      [(address, UInt32(text.utf8.count), false), (address + 0x800, 256, true)], first: slot * 2)
    driver.kick(queue)
  }

  private func answer(_ driver: FakeDriver, _ slot: UInt16, _ count: Int) -> String {
    String(
      decoding: driver.memory.read(at: 0x10_0800 + UInt64(slot) * 0x1000, count: count)!,
      as: UTF8.self)
  }

  @Test func configuration() throws {
    try run(queues: 2) { driver, handler in
      #expect(driver.read(VIRTIO_MMIO_DEVICE_ID) == 26)
      let tag = Array("swrun".utf8) + [UInt8](repeating: 0, count: 31)
      #expect(driver.read(0x100, 40) == tag + [2, 0, 0, 0])
      #expect(driver.rings.count == 3)
      #expect(handler.state.withLock { $0.prepared } == 3)
    }
    for tag in ["", String(repeating: "x", count: 37)] {
      #expect(throws: SystemError.self) {
        _ = try FilesystemDevice(tag: tag, handler: EchoHandler())
      }
    }
  }

  @Test func requestsAreAnswered() throws {
    try run { driver, _ in
      for queue in 0...1 {
        for round in 0..<50 {
          let text = "request \(round)"
          send(driver, queue, text)
          #expect(driver.completed(queue)?.length == UInt32(text.utf8.count))
          #expect(answer(driver, 0, text.utf8.count) == String(text.reversed()))
        }
      }
    }
  }

  @Test func aSlowRequestHoldsUpNoOther() throws {
    try run(threads: 3) { driver, handler in
      send(driver, 1, "!one", slot: 0)
      send(driver, 1, "!two", slot: 1)
      handler.state.wait { $0.waiting == 2 }
      for round in 0..<20 {
        send(driver, 1, "fast\(round)", slot: 2)
        #expect(driver.completed(1)?.head == 4)
        send(driver, 0, "urgent", slot: 3)
        #expect(driver.completed(0)?.head == 6)
      }
      handler.open()
      let heads = [driver.completed(1)?.head, driver.completed(1)?.head]
      #expect(Set(heads) == [0, 2])
    }
  }

  @Test func whatComesWhileAllAreBusyIsFoundLater() throws {
    try run(threads: 2) { driver, handler in
      send(driver, 1, "!one", slot: 0)
      send(driver, 1, "!two", slot: 1)
      handler.state.wait { $0.waiting == 2 }
      for slot in 2..<7 as Range<UInt16> { send(driver, 1, "later", slot: slot) }
      send(driver, 0, "urgent", slot: 7)
      handler.open()
      var heads: Set<UInt32?> = []
      for _ in 0..<7 { heads.insert(driver.completed(1)?.head) }
      #expect(heads == [0, 2, 4, 6, 8, 10, 12])
      #expect(driver.completed(0)?.head == 14)
      send(driver, 1, "again", slot: 0)
      #expect(driver.completed(1)?.head == 0)
    }
  }

  @Test func whatHasNoAnswerIsToldOfLater() throws {
    try run { driver, handler in
      // Alone: after a while.
      send(driver, 0, "-forget", slot: 0)
      #expect(driver.completed(0)?.head == 0)
      // With the next answer, by its interrupt.
      send(driver, 0, "-forget", slot: 1)
      send(driver, 1, "request", slot: 2)
      #expect(driver.completed(1)?.head == 4)
      #expect(driver.completed(0)?.head == 2)
      // Many without a pause: none is lost.
      for _ in 0..<20 {
        for slot in 0..<8 as Range<UInt16> { send(driver, 0, "-forget", slot: slot) }
        for _ in 0..<8 { #expect(driver.completed(0)?.length == 0) }
      }
      #expect(handler.state.withLock { $0.handled } == 163)
      // A reset forgets what was not told.
      send(driver, 0, "-forget", slot: 0)
      driver.write(VIRTIO_MMIO_STATUS, 0)
      driver.start()
      send(driver, 1, "request", slot: 0)
      #expect(driver.completed(1)?.length == 7)
    }
  }

  @Test func resetWaitsForRequests() throws {
    try run(threads: 2) { driver, handler in
      send(driver, 1, "!one", slot: 0)
      handler.state.wait { $0.waiting == 1 }
      let isReset = Monitor(false)
      let resetter = try DeviceThread("reset") {
        driver.write(VIRTIO_MMIO_STATUS, 0)
        // Whatever the request writes, it wrote before.
        isReset.withLock { $0 = handler.state.withLock { $0.handled == 1 } }
      }
      handler.open()
      resetter.join()
      #expect(isReset.withLock { $0 })
      driver.start()
      send(driver, 1, "after", slot: 0)
      #expect(driver.completed(1)?.length == 5)
    }
  }

  /// More of them than threads, which all serve on: what lets them go on may come by either queue.
  @Test(arguments: [0, 1]) func whatCannotBeAnsweredYetKeepsNoThread(queue: Int) throws {
    try run(threads: 2) { driver, handler in
      for slot in 0..<5 as Range<UInt16> { send(driver, 1, "?\(slot)", slot: slot) }
      handler.state.wait { $0.asked == 5 }
      send(driver, 1, "other", slot: 5)
      #expect(driver.completed(1)?.head == 10)
      var heads: Set<UInt32?> = []
      for round in 0..<5 {
        send(driver, queue, "+", slot: 6)
        if queue == 1 {
          let both = [driver.completed(1)?.head, driver.completed(1)?.head]
          #expect(both.contains(12), "\(both)")
          heads.formUnion(both.filter { $0 != 12 })
        } else {
          heads.insert(driver.completed(1)?.head)
          #expect(driver.completed(0)?.head == 12)
        }
        #expect(heads.count == round + 1)
      }
      #expect(heads == [0, 2, 4, 6, 8])
      #expect(handler.state.withLock { $0.lastTimes } == 0)
    }
  }

  @Test func theOldestGoesOnFirst() throws {
    try run(threads: 1) { driver, handler in
      for slot in 0..<4 as Range<UInt16> {
        send(driver, 1, "?\(slot)", slot: slot)
        handler.state.wait { $0.asked == Int(slot) + 1 }
      }
      for slot in 0..<4 as Range<UInt16> {
        send(driver, 0, "+", slot: 6)
        #expect(driver.completed(1)?.head == UInt32(slot) * 2)
        #expect(driver.completed(0)?.head == 12)
      }
    }
  }

  /// The handler may change its mind by itself, and knows the request again.
  @Test func whatWaitsIsHandedInNowAndThen() throws {
    try run(threads: 2, waitTurn: 1) { driver, handler in
      for slot in 0..<3 as Range<UInt16> { send(driver, 1, "?\(slot)", slot: slot) }
      handler.state.wait { $0.highestTicket >= 10 }
      handler.state.withLock { $0.room = 3 }
      for _ in 0..<3 { #expect(driver.completed(1) != nil) }
      #expect(handler.state.withLock { $0.lastTimes } == 0)
    }
  }

  @Test func waitingHasAnEnd() throws {
    try run(threads: 2, waitLimit: 20) { driver, handler in
      for slot in 0..<4 as Range<UInt16> { send(driver, 1, "?\(slot)", slot: slot) }
      var heads: Set<UInt32?> = []
      for _ in 0..<4 { heads.insert(driver.completed(1)?.head) }
      #expect(heads == [0, 2, 4, 6])
      #expect(handler.state.withLock { $0.lastTimes } == 4)
    }
  }

  @Test func resetLetsNothingWait() throws {
    try run(threads: 2) { driver, handler in
      for _ in 0..<5 {
        handler.state.withLock { $0 = EchoHandler.State(prepared: $0.prepared) }
        for slot in 0..<4 as Range<UInt16> { send(driver, 1, "?\(slot)", slot: slot) }
        handler.state.wait { $0.asked == 4 }
        driver.write(VIRTIO_MMIO_STATUS, 0)
        #expect(handler.state.withLock { $0.lastTimes } == 4)
        driver.start()
        send(driver, 1, "after", slot: 0)
        #expect(driver.completed(1)?.length == 5)
      }
    }
  }

  @Test func manyAtOnce() throws {
    try run(threads: 4, queues: 2) { driver, handler in
      for _ in 0..<40 {
        // Eight chains of two descriptors fill a ring of 16; the queues share the memory.
        for queue in 0...2 {
          for slot in 0..<8 as Range<UInt16> { send(driver, queue, "request", slot: slot) }
        }
        for queue in 0...2 {
          var heads: Set<UInt32> = []
          for _ in 0..<8 {
            let used = try #require(driver.completed(queue))
            #expect(used.length == 7)
            heads.insert(used.head)
          }
          #expect(heads.count == 8)
        }
      }
      #expect(handler.state.withLock { $0.handled } == 960)
    }
  }

  @Test func threadsThatCannotBePrepared() throws {
    let handler = EchoHandler()
    handler.failsToPrepare = true
    let device = try FilesystemDevice(tag: "swrun", threads: 2, handler: handler)
    for _ in 0..<2 {
      #expect(throws: SystemError(EPERM, "unshare", "test")) { try device.start() }
    }
    device.stop()
  }
}
