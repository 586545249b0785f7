import CLinux
import Linux
import Testing

@testable import KVM

@Suite(.enabled(if: TinyGuests.run), .serialized) struct EventTests {
  private func makeEvent() throws -> FileDescriptor {
    FileDescriptor(owning: try system("eventfd") { cl_eventfd(0) })
  }

  @Test func anEventRaisesAnInterrupt() throws {
    // The 8259 gets vector 0x20 for its first input; all but input 5 are masked. The handler of
    // vector 0x25 writes 0x55 to port 0x80 and stops with interrupts off.
    let machine = try TinyMachine(code: [
      // mov word [0x94], handler / mov word [0x96], 0
      0xc7, 0x06, 0x94, 0x00, 0x40, 0x40, 0xc7, 0x06, 0x96, 0x00, 0x00, 0x00,
      // mov al, 0x11 / out 0x20, al / mov al, 0x20 / out 0x21, al / mov al, 4 / out 0x21, al
      0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21,
      // mov al, 1 / out 0x21, al / mov al, 0xdf / out 0x21, al
      0xb0, 0x01, 0xe6, 0x21, 0xb0, 0xdf, 0xe6, 0x21,
      // out 0x81, al: ready / sti / hlt / jmp to the hlt
      0xe6, 0x81, 0xfb, 0xf4, 0xeb, 0xfd,
    ])
    machine.memory.write([0xb0, 0x55, 0xe6, 0x80, 0xfa, 0xf4], at: 0x4040)
    let event = try makeEvent()
    try machine.machine.connect(interrupt: 5, to: event.rawValue)
    #expect(try machine.next() == .portOut(0x81, 1, [0xdf]))
    try system("write") { cl_eventfd_signal(event.rawValue) }
    #expect(try machine.next() == .portOut(0x80, 1, [0x55]))
    try machine.machine.disconnect(interrupt: 5, from: event.rawValue)
  }

  @Test func aWriteSignalsAnEventWithoutAnExit() throws {
    // mov ax, 0xd000 / mov ds, ax / mov dword [0x50], 1 / mov dword [0x50], 2 / out 0x80, al
    let machine = try TinyMachine(code: [
      0xb8, 0x00, 0xd0, 0x8e, 0xd8, 0x66, 0xc7, 0x06, 0x50, 0x00, 0x01, 0x00, 0x00, 0x00, 0x66,
      0xc7, 0x06, 0x50, 0x00, 0x02, 0x00, 0x00, 0x00, 0xe6, 0x80,
    ])
    let event = try makeEvent()
    let address = TinyMachine.device + 0x50
    try machine.machine.connect(writesOf: 1, at: address, to: event.rawValue)
    // The value that nothing is connected to comes out; the other has been counted by then.
    #expect(try machine.next() == .mmioWrite(address, [2, 0, 0, 0]))
    #expect(cl_eventfd_take(event.rawValue) == 8)
    #expect(cl_eventfd_take(event.rawValue) == -EAGAIN)
    try machine.machine.disconnect(writesOf: 1, at: address, from: event.rawValue)
  }

  /// Runs `code`, whose first exit is an `out`, until another thread's kick ends it.
  private func expectKick(_ code: [UInt8]) throws {
    let machine = try TinyMachine(code: [0xe6, 0x81] + code)
    guard case .portOut(0x81, 1, _) = try machine.next() else {
      Issue.record("the guest does not begin")
      return
    }
    let vcpu = machine.vcpu
    let thread = try Thread("kicker") { vcpu.kick() }
    #expect(try machine.next() == .interrupted)
    thread.join()
    // It stays so until the owner ends it.
    #expect(try machine.next() == .interrupted)
  }

  @Test func aKickEndsALoop() throws { try expectKick([0xeb, 0xfe]) }

  @Test func aKickEndsAHalt() throws { try expectKick([0xfa, 0xf4]) }

  @Test func aKickBeforeTheRunCounts() throws {
    // out 0x80, al
    let machine = try TinyMachine(code: [0xe6, 0x80])
    machine.vcpu.kick()
    #expect(try machine.next() == .interrupted)
    machine.vcpu.resume()
    guard case .portOut(0x80, 1, _) = try machine.next() else {
      Issue.record("the guest does not go on")
      return
    }
  }

  @Test func thirtyTwoProcessorsCanBeMade() throws {
    let kvm = try System()
    #expect(kvm.maximumProcessors >= 32)
    let machine = try VirtualMachine(kvm)
    let cpuid = try kvm.supportedCPUID()
    let processors = try (0..<32).map { index in
      let vcpu = try VCPU(machine, index: index)
      try vcpu.configure(cpuid, count: 32, state: nil)
      return vcpu
    }
    #expect(try processors[31].registers().hasPrefix("processor 31\n"))
  }

  @Test func aProcessorThatNobodyStartsWaits() throws {
    let kvm = try System()
    let machine = try VirtualMachine(kvm)
    let first = try VCPU(machine, index: 0)
    let second = try VCPU(machine, index: 1)
    let cpuid = try kvm.supportedCPUID()
    try first.configure(cpuid, count: 2, state: .realMode)
    try second.configure(cpuid, count: 2, state: nil)
    try second.attach()
    let thread = try Thread("kicker") { second.kick() }
    guard case .interrupted = try second.run() else {
      Issue.record("the second processor runs by itself")
      return
    }
    thread.join()
    second.detach()
  }
}
