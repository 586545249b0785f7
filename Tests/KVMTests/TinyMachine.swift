import CLinux
import Linux
import Testing

@testable import KVM

/// A machine of one processor, 64 KiB of memory at 0, and the code of a test in it.
final class TinyMachine: Sendable {
  static let codeAddress = 0x4000
  static let dataAddress = 0x5000
  /// No memory is there: accesses are MMIO.
  static let device: UInt64 = 0xd0000

  let machine: VirtualMachine
  let memory: ScratchMemory
  let vcpu: VCPU

  init(code: [UInt8], data: [UInt8] = [], longMode: Bool = false) throws {
    let system = try System()
    machine = try VirtualMachine(system)
    memory = try ScratchMemory(size: 0x10000)
    memory.write(code, at: Self.codeAddress)
    memory.write(data, at: Self.dataAddress)
    try machine.setMemory(slot: 0, guestAddress: 0, memory.base, size: UInt64(memory.size))
    vcpu = try VCPU(machine, index: 0)
    try vcpu.configure(
      try system.supportedCPUID(), count: 1,
      state: longMode ? .longMode(memory, rip: UInt64(Self.codeAddress)) : .realMode)
    try vcpu.attach()
  }

  deinit { vcpu.detach() }

  /// One exit, as a value that outlives the next run; `answer` is what a read gives the guest.
  func next(answer: [UInt8] = []) throws -> Event {
    let vcpu = vcpu
    let exit = try vcpu.run()
    switch exit {
    case .portOut(let port, let size, let data): return .portOut(port, size, Self.bytes(data))
    case .portIn(let port, let size, var data):
      for index in 0..<min(data.byteCount, answer.count) {
        data.storeBytes(of: answer[index], toByteOffset: index, as: UInt8.self)
      }
      return .portIn(port, size, data.byteCount)
    case .mmioWrite(let address, let data): return .mmioWrite(address, Self.bytes(data))
    case .mmioRead(let address, var data):
      for index in 0..<min(data.byteCount, answer.count) {
        data.storeBytes(of: answer[index], toByteOffset: index, as: UInt8.self)
      }
      return .mmioRead(address, data.byteCount)
    case .halt: return .halt
    case .shutdown: return .shutdown
    case .systemEvent(let type): return .systemEvent(type)
    case .interrupted: return .interrupted
    case .failed(let failure): return .failed(failure)
    }
  }

  private static func bytes(_ data: RawSpan) -> [UInt8] {
    (0..<data.byteCount).map { unsafe data.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
  }

  enum Event: Equatable {
    case portOut(UInt16, Int, [UInt8])
    case portIn(UInt16, Int, Int)
    case mmioWrite(UInt64, [UInt8])
    case mmioRead(UInt64, Int)
    case halt
    case shutdown
    case systemEvent(UInt32)
    case interrupted
    case failed(KVMFailure)
  }
}

extension ProcessorState {
  static var realMode: ProcessorState {
    var state = ProcessorState()
    state.rip = UInt64(TinyMachine.codeAddress)
    state.rsp = 0xf000
    state.cr0 = 0x10
    state.code = Segment(selector: 0, limit: 0xffff, attributes: 0x9b)
    state.data = Segment(selector: 0, limit: 0xffff, attributes: 0x93)
    state.task = Segment(selector: 0, limit: 0xffff, attributes: 0x8b)
    return state
  }
}

/// Whether tiny guests run here at all; why not is printed once.
enum TinyGuests {
  static let run: Bool = {
    do {
      // mov al, 1 / out 0x80, al
      let machine = try TinyMachine(code: [0xb0, 0x01, 0xe6, 0x80])
      let event = try machine.next()
      if event == .portOut(0x80, 1, [1]) { return true }
      print("KVMTests: no tiny guests here: the first exit is \(event)")
    } catch {
      print("KVMTests: no tiny guests here: \(error)")
    }
    return false
  }()
}
