internal import CLinux
internal import Linux

/// Zeroed memory of a small guest, unmapped with the last reference.
@safe final class ScratchMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let size: Int

  init(size: Int) throws(SystemError) {
    guard
      let base = unsafe cl_mmap(
        nil, size, PROT_READ | PROT_WRITE, CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS), -1, 0)
    else { throw SystemError(cl_errno(), "mmap", "\(size) bytes") }
    unsafe self.base = unsafe base
    self.size = size
  }

  deinit { _ = unsafe cl_munmap(base, size) }

  /// Copies bytes to an offset; they must fit.
  func write(_ bytes: [UInt8], at offset: Int) {
    precondition(offset >= 0 && bytes.count <= size - offset)
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: bytes.count)
        .copyMemory(from: bytes)
    }
  }

  func write(_ value: UInt64, at offset: Int) {
    write((0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }, at: offset)
  }

  func read(at offset: Int, count: Int) -> [UInt8] {
    precondition(offset >= 0 && count <= size - offset)
    return unsafe Array(UnsafeRawBufferPointer(start: base + offset, count: count))
  }
}

extension ProcessorState {
  /// Long mode in memory that begins at address 0, with its first 2 MiB mapped to themselves; takes
  /// the pages 0x1000 to 0x3fff of `memory` for the tables.
  static func longMode(_ memory: ScratchMemory, rip: UInt64) -> ProcessorState {
    memory.write(0x2003, at: 0x1000)
    memory.write(0x3003, at: 0x2000)
    // A large page.
    memory.write(0x83, at: 0x3000)
    var state = ProcessorState()
    state.rip = rip
    state.rsp = 0x8000
    // PE, MP, ET, NE, WP, PG; PAE, OSFXSR, OSXMMEXCPT; LME, LMA.
    state.cr0 = 0x8001_0033
    state.cr3 = 0x1000
    state.cr4 = 0x620
    state.efer = 0x500
    state.code = Segment(selector: 0x10, attributes: 0xa09b)
    state.data = Segment(selector: 0x18, attributes: 0xc093)
    state.task = Segment(selector: 0x20, limit: 0x67, attributes: 0x008b)
    return state
  }
}
