import CLinux
import Linux
import Testing

@testable import KVM

@Suite(.enabled(if: TinyGuests.run), .serialized) struct ExitTests {
  @Test func portsAreWrittenAndRead() throws {
    // mov dx, 0x3f8 / mov al, 'A' / out dx, al / in al, dx / inc al / out 0x80, al / mov ax, 0x1234
    // / out 0x82, ax / mov eax, 0x89abcdef / out dx, eax
    let machine = try TinyMachine(code: [
      0xba, 0xf8, 0x03, 0xb0, 0x41, 0xee, 0xec, 0xfe, 0xc0, 0xe6, 0x80, 0xb8, 0x34, 0x12, 0xe7,
      0x82, 0x66, 0xb8, 0xef, 0xcd, 0xab, 0x89, 0x66, 0xef,
    ])
    #expect(try machine.next() == .portOut(0x3f8, 1, [0x41]))
    #expect(try machine.next(answer: [0x61]) == .portIn(0x3f8, 1, 1))
    #expect(try machine.next() == .portOut(0x80, 1, [0x62]))
    #expect(try machine.next() == .portOut(0x82, 2, [0x34, 0x12]))
    #expect(try machine.next() == .portOut(0x3f8, 4, [0xef, 0xcd, 0xab, 0x89]))
  }

  @Test func stringsGoToAPort() throws {
    // cld / mov si, data / mov cx, 5 / mov dx, 0x3f8 / rep outsb / mov al, 9 / out 0x80, al
    let machine = try TinyMachine(
      code: [
        0xfc, 0xbe, 0x00, 0x50, 0xb9, 0x05, 0x00, 0xba, 0xf8, 0x03, 0xf3, 0x6e, 0xb0, 0x09, 0xe6,
        0x80,
      ],
      data: Array("hello".utf8))
    var text: [UInt8] = []
    while text.count < 5 {
      guard case .portOut(0x3f8, 1, let bytes) = try machine.next() else {
        Issue.record("no write to the port after \(text)")
        return
      }
      text += bytes
    }
    #expect(text == Array("hello".utf8))
    #expect(try machine.next() == .portOut(0x80, 1, [9]))
  }

  @Test func stringsComeFromAPort() throws {
    // cld / mov di, data / mov cx, 4 / mov dx, 0x3f8 / rep insb / out 0x80, al
    let machine = try TinyMachine(
      code: [
        0xfc, 0xbf, 0x00, 0x50, 0xb9, 0x04, 0x00, 0xba, 0xf8, 0x03, 0xf3, 0x6c, 0xe6, 0x80,
      ])
    var given: [UInt8] = []
    while given.count < 4 {
      let answer = (0..<4).map { UInt8(0x30 + given.count + $0) }
      guard case .portIn(0x3f8, 1, let count) = try machine.next(answer: answer) else {
        Issue.record("no read of the port after \(given)")
        return
      }
      given += answer.prefix(count)
    }
    guard case .portOut(0x80, 1, _) = try machine.next() else {
      Issue.record("the guest does not go on")
      return
    }
    #expect(machine.memory.read(at: TinyMachine.dataAddress, count: 4) == Array("0123".utf8))
  }

  @Test func accessesWithoutMemoryAreLent() throws {
    // mov ax, 0xd000 / mov ds, ax / mov [0x10], ax / mov eax, [0x14] / mov [0x18], eax
    let machine = try TinyMachine(code: [
      0xb8, 0x00, 0xd0, 0x8e, 0xd8, 0xa3, 0x10, 0x00, 0x66, 0xa1, 0x14, 0x00, 0x66, 0xa3, 0x18,
      0x00,
    ])
    #expect(try machine.next() == .mmioWrite(TinyMachine.device + 0x10, [0x00, 0xd0]))
    #expect(try machine.next(answer: [1, 2, 3, 4]) == .mmioRead(TinyMachine.device + 0x14, 4))
    #expect(try machine.next() == .mmioWrite(TinyMachine.device + 0x18, [1, 2, 3, 4]))
  }

  @Test func readOnlyMemoryIsReadAndNotWritten() throws {
    // mov ax, 0x2000 / mov ds, ax / mov al, [0] / out 0x80, al / mov byte [0], 7
    let machine = try TinyMachine(code: [
      0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xa0, 0x00, 0x00, 0xe6, 0x80, 0xc6, 0x06, 0x00, 0x00, 0x07,
      0xe6, 0x80,
    ])
    let memory = try ScratchMemory(size: 0x1000)
    memory.write([0x5a], at: 0)
    try machine.machine.setMemory(
      slot: 1, guestAddress: 0x20000, memory.base, size: 0x1000, isReadOnly: true)
    #expect(try machine.next() == .portOut(0x80, 1, [0x5a]))
    #expect(try machine.next() == .mmioWrite(0x20000, [7]))
    #expect(memory.read(at: 0, count: 1) == [0x5a])
    withExtendedLifetime(memory) {}
  }

  @Test func aTripleFaultIsAShutdown() throws {
    // ud2; the table of interrupts, at address 0, is all zeros.
    let machine = try TinyMachine(code: [0x0f, 0x0b], longMode: true)
    #expect(try machine.next() == .shutdown)
    #expect(try machine.vcpu.registers().contains("processor 0\nrip "))
  }

  @Test func codeWhereNoMemoryIsFailsWithRegisters() throws {
    // mov bx, 0xbeef / jmp 0xd000:0x0123
    let machine = try TinyMachine(code: [0xbb, 0xef, 0xbe, 0xea, 0x23, 0x01, 0x00, 0xd0])
    let event = try machine.next()
    guard case .failed(let failure) = event, case .internalError = failure else {
      Issue.record("\(event)")
      return
    }
    #expect(failure.description.contains("KVM_EXIT_INTERNAL_ERROR"))
    let registers = try machine.vcpu.registers()
    #expect(registers.contains("rip 0000000000000123"), "\(registers)")
    #expect(registers.contains("rbx 000000000000beef"), "\(registers)")
    #expect(registers.contains("cs d000"), "\(registers)")
  }
}
