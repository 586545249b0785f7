import CLinux
import Linux
import Testing

@testable import Virtio

/// A device that writes down what it is told, and answers each chain with one byte.
final class RecordingDevice: VirtioDevice, @unchecked Sendable {
  let type: UInt32 = 42
  let features: UInt64 = 1 << 3 | 1 << 40
  let queueSizes: [UInt16] = [16, 8]
  var configuration: [UInt8] = Array(1...12)

  var sharedMemory: SharedMemory?

  private(set) var queues: [Virtqueue?] = []
  private(set) var activations: [UInt64] = []
  private(set) var resets = 0
  private(set) var processed: [Int] = []
  var refuses = false

  func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    ConfigurationSpace.read(configuration, offset: offset, into: bytes)
  }
  func writeConfiguration(offset: UInt64, _ bytes: UnsafeRawBufferPointer) {
    for (index, byte) in bytes.enumerated() { configuration[Int(offset) + index] = byte }
  }
  func activate(
    _ queues: [Virtqueue?], features: UInt64, _ loop: EventLoop
  ) throws(SystemError) {
    if refuses { throw SystemError(EIO, "activate", "test") }
    self.queues = queues
    activations.append(features)
  }
  func process(queue index: Int) {
    processed.append(index)
    queues[index]?.drain { chain in [UInt8(7)].withUnsafeBytes { chain.write($0) } }
  }
  func reset() {
    queues = []
    resets += 1
  }
}

/// Nobody's interrupt, which keeps the first fault.
final class QuietInterrupt: Interrupt, @unchecked Sendable {
  private(set) var fault: RingFault?
  func signal() {}
  func signalConfiguration() {}
  func signalFault(_ fault: RingFault) { if self.fault == nil { self.fault = fault } }
}
