import CLinux
import Linux
import Testing

@testable import Virtio

@Suite struct EventLoopTests {
  @Test func handlersRunOnTheLoop() throws {
    let loop = try EventLoop(name: "test")
    let event = FileDescriptor(owning: cl_eventfd(0))
    let calls = Monitor<[Bool]>([])
    try loop.add(eventfd: event.rawValue) { [unowned loop] in
      calls.withLock { $0.append(loop.isCurrent) }
      calls.signal()
    }
    try loop.start()
    for round in 1...3 {
      _ = cl_eventfd_signal(event.rawValue)
      calls.wait { $0.count >= round }
    }
    #expect(!loop.isCurrent)
    loop.stop()
    #expect(calls.withLock { $0 } == [true, true, true])
  }

  @Test func performWaits() throws {
    let loop = try EventLoop(name: "test")
    var count = 0
    loop.perform { count += 1 }
    try loop.start()
    for _ in 0..<100 { loop.perform { count += loop.isCurrent ? 1 : 1000 } }
    loop.perform { loop.perform { count += 1 } }
    loop.stop()
    loop.perform { count += 1 }
    #expect(count == 103)
  }

  @Test func postedBeforeTheStartAndTheEnd() throws {
    let loop = try EventLoop(name: "test")
    let calls = Monitor(0)
    loop.post { calls.withLock { $0 += 1 } }
    try loop.start()
    for _ in 0..<10 { loop.post { calls.withLock { $0 += 1 } } }
    loop.stop()
    #expect(calls.withLock { $0 } == 11)
  }

  @Test func aRemovedDescriptorIsNotCalled() throws {
    let loop = try EventLoop(name: "test")
    let first = FileDescriptor(owning: cl_eventfd(1))
    let second = FileDescriptor(owning: cl_eventfd(1))
    let numbers = [first.rawValue, second.rawValue]
    var calls: [CInt] = []
    for number in numbers {
      // Both are ready at once: whichever comes first removes the other.
      try loop.add(number, UInt32(CL_EPOLLIN)) { [unowned loop] _ in
        calls.append(number)
        for other in numbers { loop.remove(other) }
      }
    }
    try loop.start()
    loop.perform {}
    loop.perform {}
    loop.stop()
    #expect(calls.count == 1)
  }

  @Test func oneNumberIsAddedOnce() throws {
    let loop = try EventLoop(name: "test")
    let event = FileDescriptor(owning: cl_eventfd(0))
    let number = event.rawValue
    try loop.add(eventfd: number) {}
    #expect(throws: SystemError.self) { try loop.add(eventfd: number) {} }
    loop.remove(number)
    loop.remove(number)
    try loop.add(eventfd: number) {}
    #expect(throws: SystemError.self) { try loop.add(eventfd: -1) {} }
    #expect(throws: SystemError.self) { try loop.change(1000, 0) }
    _ = event
  }
}
