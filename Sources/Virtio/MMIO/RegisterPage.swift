internal import CLinux
internal import Linux

/// What a driver reads of a window: each register at its offset, and the configuration space.
///
/// A machine can give the page to the guest as read-only memory, so that reading is no exit. It is
/// this process that writes it, word by word; nobody reads anything back that a driver could change.
@safe final class RegisterPage: @unchecked Sendable {
  static let size = 4096
  /// Bytes of the configuration space that are shown; no device here has more.
  static let configurationSize = 256
  private static let configuration = Int(VIRTIO_MMIO_CONFIG)

  private let base: UnsafeMutableRawPointer
  private let isOwned: Bool
  private let configurationLock = Locked(())

  /// `memory` are zeroed bytes of the machine's, `size` of them and aligned to a word, which stay as
  /// long as this; nil for bytes of its own.
  init(memory: UnsafeMutableRawPointer?) {
    if let memory = unsafe memory {
      unsafe base = unsafe memory
      isOwned = false
    } else {
      unsafe base = .allocate(byteCount: Self.size, alignment: 8)
      unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: Self.size)
      isOwned = true
    }
  }

  deinit { if isOwned { unsafe base.deallocate() } }

  /// The word of a register.
  private func word(_ register: CInt) -> UnsafeMutablePointer<UInt32> {
    unsafe (base + Int(register)).assumingMemoryBound(to: UInt32.self)
  }

  /// A register, or 0 for what is none.
  func load(_ offset: UInt64) -> UInt32 {
    guard offset < UInt64(Self.configuration), offset % 4 == 0 else { return 0 }
    return unsafe cl_load32(word(CInt(offset)))
  }

  func store(_ register: CInt, _ value: UInt32) { unsafe cl_store32(word(register), value) }
  func set(_ register: CInt, bits: UInt32) { _ = unsafe cl_fetch_or32(word(register), bits) }
  func clear(_ register: CInt, bits: UInt32) { _ = unsafe cl_fetch_and32(word(register), ~bits) }
  func increment(_ register: CInt) { _ = unsafe cl_fetch_add32(word(register), 1) }

  /// Shows the configuration space as the device has it now.
  func showConfiguration(of device: any VirtioDevice) {
    configurationLock.withLock { _ in
      unsafe device.readConfiguration(
        offset: 0,
        into: UnsafeMutableRawBufferPointer(
          start: base + Self.configuration, count: Self.configurationSize))
    }
  }

  /// Copies the configuration space from `offset` on; zeros behind its end.
  func readConfiguration(offset: UInt64, into bytes: UnsafeMutableRawBufferPointer) {
    configurationLock.withLock { _ in
      for index in bytes.indices {
        let (position, isTooFar) = offset.addingReportingOverflow(UInt64(index))
        unsafe bytes[index] =
          isTooFar || position >= UInt64(Self.configurationSize)
          ? 0 : base.load(fromByteOffset: Self.configuration + Int(position), as: UInt8.self)
      }
    }
  }
}
