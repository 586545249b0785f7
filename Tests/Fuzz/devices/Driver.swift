import CLinux
import GuestMemory
import Linux
import Virtio

/// A driver with a ring for each queue, small steps, and no manners.
final class Driver {
  let transport: MMIOTransport
  private let memory: GuestMemory
  private let loop: EventLoop
  private let queues: Int
  private var offered: [UInt16]
  private static let size: UInt16 = 8

  init(_ device: any VirtioDevice, _ memory: GuestMemory) {
    self.memory = memory
    loop = try! EventLoop(name: "fuzz")
    transport = try! MMIOTransport(device: device, memory: memory, loop: loop)
    queues = device.queueSizes.count
    offered = Array(repeating: 0, count: queues)
    try! loop.start()
    begin()
  }

  func close() {
    transport.shutDown()
    loop.stop()
  }

  /// Whatever was kicked has been looked at.
  func settle() { for _ in 0..<2 { loop.perform {} } }

  /// The steps of virtio 1.2, 3.1.1, with all features.
  private func begin() {
    for value: UInt32 in [0, 1, 3] { write(VIRTIO_MMIO_STATUS, value) }
    for half: UInt32 in [0, 1] {
      write(VIRTIO_MMIO_DEVICE_FEATURES_SEL, half)
      write(VIRTIO_MMIO_DRIVER_FEATURES_SEL, half)
      write(VIRTIO_MMIO_DRIVER_FEATURES, read(VIRTIO_MMIO_DEVICE_FEATURES))
    }
    write(VIRTIO_MMIO_STATUS, 11)
    for queue in 0..<queues {
      write(VIRTIO_MMIO_QUEUE_SEL, UInt32(queue))
      write(VIRTIO_MMIO_QUEUE_NUM, UInt32(Self.size))
      write(VIRTIO_MMIO_QUEUE_DESC_LOW, UInt32(ring(queue)))
      write(VIRTIO_MMIO_QUEUE_AVAIL_LOW, UInt32(ring(queue) + 0x100))
      write(VIRTIO_MMIO_QUEUE_USED_LOW, UInt32(ring(queue) + 0x200))
      write(VIRTIO_MMIO_QUEUE_READY, 1)
      offered[queue] = 0
      store(UInt16(0), ring(queue) + 0x102)
      store(UInt16(0), ring(queue) + 0x202)
    }
    write(VIRTIO_MMIO_STATUS, 15)
  }

  private func ring(_ queue: Int) -> UInt64 { 0x1000 * UInt64(queue + 1) }

  func step(_ step: UInt8, _ input: inout Input) {
    let queue = Int(input.byte()) % queues
    switch step & 15 {
    case 0...3: describe(ring(queue), &input)
    // A table that a descriptor may point at.
    case 4: describe(0x10_0000, &input)
    case 5...7:
      let slot = ring(queue) + 0x104 + 2 * UInt64(offered[queue] % Self.size)
      store(UInt16(input.byte() & 15), slot)
      offered[queue] &+= 1
      store(offered[queue], ring(queue) + 0x102)
      if step & 15 != 5 { kick(queue) }
    case 8: kick(queue)
    // Contents of buffers, such as a packet's header.
    case 9, 10:
      let address = 0x10_0000 + UInt64(input.byte()) * 64
      for (offset, byte) in input.take(Int(input.byte() & 63)).enumerated() {
        store(byte, address + UInt64(offset))
      }
    case 11: store(input.byte(), UInt64(input.word()) % 0x8000)
    case 12: write(CInt(input.byte() & 0x3f) * 4, UInt32(input.word()))
    case 13:
      var bytes = [UInt8](repeating: 0, count: 1 << Int(input.byte() & 3))
      var span = bytes.mutableSpan
      var raw = span.mutableBytes
      transport.read(offset: UInt64(input.word() & 0x1ff), into: &raw)
    case 14: transport.write(offset: 0x100 + UInt64(input.byte()), input.take(4).span.bytes)
    default: begin()
    }
  }

  private func describe(_ table: UInt64, _ input: inout Input) {
    let at = table + 16 * UInt64(input.byte() & 7)
    let place = input.byte()
    let address: UInt64 =
      switch place >> 6 {
      case 3: UInt64.max - UInt64(place)
      case 2 where place & 32 != 0: 0x4000_0000 + UInt64(place & 31) * 0x840
      case 2: (2 << 20) - UInt64(place & 63)
      default: 0x10_0000 + UInt64(place) * 64
      }
    store(address, at)
    let length = input.word()
    store(UInt32(length) << (length & 1 == 0 ? 0 : 12), at + 8)
    store(UInt16(input.byte() & 7), at + 12)
    store(UInt16(input.byte() & 15), at + 14)
  }

  private func kick(_ queue: Int) {
    write(VIRTIO_MMIO_QUEUE_NOTIFY, UInt32(queue))
    settle()
  }

  private func store<Value: BitwiseCopyable>(_ value: Value, _ address: UInt64) {
    let count = UInt64(MemoryLayout<Value>.size)
    memory.slice(at: address, count: count)?.baseAddress!.storeBytes(of: value, as: Value.self)
  }

  private func write(_ register: CInt, _ value: UInt32) {
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    transport.write(offset: UInt64(register), bytes.span.bytes)
  }

  private func read(_ register: CInt) -> UInt32 {
    var bytes: [UInt8] = [0, 0, 0, 0]
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    transport.read(offset: UInt64(register), into: &raw)
    return bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
