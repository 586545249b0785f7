public import GuestMemory
public import Linux

/// Puts a kernel, its initramfs, its command line and the machine's tables into a guest's memory.
public struct BootLoader: Sendable {
  /// Which way into an ELF kernel is taken.
  public enum Entry: Sendable, Equatable {
    /// 64-bit for Linux, PVH for another kernel with its note, else 64-bit.
    case usual
    /// Long mode, whatever the kernel offers besides.
    case longMode
  }

  public let kernel: KernelImage
  public let initramfs: BootFile?
  public let commandLine: String
  public let layout: MachineLayout

  public init(
    kernel: KernelImage, initramfs: BootFile?, commandLine: String, layout: MachineLayout
  ) {
    self.kernel = kernel
    self.initramfs = initramfs
    self.commandLine = commandLine
    self.layout = layout
  }

  /// Fills memory that is all zeros; how the first processor begins.
  ///
  /// The memory's regions have to be those of the layout.
  public func load(
    into memory: GuestMemory, entry: Entry = .usual
  ) throws(RuntimeError) -> EntryState {
    let line = try checkedCommandLine()
    let initramfsRange = try placeInitramfs()
    let place = Placement(memory)
    try place.write(line + [0], at: LowMemory.commandLine)
    let tables = SystemTables(layout, at: LowMemory.tables).bytes
    guard UInt64(tables.count) <= LowMemory.tablesEnd - LowMemory.tables else {
      throw RuntimeError("the ACPI tables have \(tables.count) bytes, more than there is room for")
    }
    try place.write(tables, at: LowMemory.tables)
    if let initramfs, let initramfsRange {
      try place.copy(initramfs, 0, initramfsRange.count, to: initramfsRange.lowerBound)
    }

    let state: EntryState
    switch kernel.format {
    case .bzImage(let header):
      try place.copy(
        kernel.file, header.codeOffset, Int(header.codeSize), to: header.preferredAddress)
      try writeLongMode(place, header: header.bytes, initramfsRange)
      // The 64-bit entry is 0x200 behind the start of the code (boot.rst).
      state = .longMode(
        entry: header.preferredAddress + 0x200, bootParameters: LowMemory.bootParameters)
    case .elf(let header):
      for segment in header.segments {
        try place.copy(kernel.file, segment.offset, Int(segment.fileSize), to: segment.address)
      }
      // Entered by PVH, Linux looks for Xen at 256 leaves of CPUID, and each is an exit.
      if let start = header.directEntry, entry == .usual, !header.isLinux {
        let info = StartInfo.bytes(
          at: LowMemory.startInfo, commandLine: LowMemory.commandLine, initramfs: initramfsRange,
          map: MemoryMap(layout), tables: LowMemory.tables)
        try place.write(info, at: LowMemory.startInfo)
        state = .protectedMode(entry: start, startInfo: LowMemory.startInfo)
      } else {
        try writeLongMode(place, header: nil, initramfsRange)
        state = .longMode(entry: header.entry, bootParameters: LowMemory.bootParameters)
      }
    }
    try place.write(state.globalDescriptors, at: LowMemory.globalDescriptors)
    return state
  }

  /// Whether `load` would find room, for a machine that somebody else loads; the error says what is
  /// needed.
  public func check() throws(RuntimeError) {
    _ = try checkedCommandLine()
    _ = try placeInitramfs()
  }

  private func writeLongMode(
    _ place: Placement, header: [UInt8]?, _ initramfs: Range<UInt64>?
  ) throws(RuntimeError) {
    var parameters = BootParameters(
      header: header, map: MemoryMap(layout), tables: LowMemory.tables)
    parameters.setCommandLine(LowMemory.commandLine)
    if let initramfs { parameters.setInitramfs(initramfs) }
    try place.write(parameters.bytes, at: LowMemory.bootParameters)
    try place.write(BootParameters.pageTables, at: LowMemory.pageTables)
  }

  /// Linux's COMMAND_LINE_SIZE without the NUL; more is cut off by the kernel, which nobody notices.
  public static let longestCommandLine = 2047

  private func checkedCommandLine() throws(RuntimeError) -> [UInt8] {
    let line = Array(commandLine.utf8)
    var limit = Self.longestCommandLine
    if case .bzImage(let header) = kernel.format { limit = min(limit, header.commandLineLimit) }
    guard line.count <= limit else {
      throw RuntimeError(
        "kernel command line: \(line.count) bytes are more than the \(limit) that a kernel takes",
        advice: "give fewer or shorter kernel parameters")
    }
    guard line.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7f }) else {
      throw RuntimeError("kernel command line: it has a control character")
    }
    return line
  }

  /// The highest place below 3 GiB for the initramfs: the kernel grows upwards.
  private func placeInitramfs() throws(RuntimeError) -> Range<UInt64>? {
    let kernelEnd = (kernel.end + 0xfff) & ~0xfff
    let size = initramfs?.size ?? 0
    let pages = size > 1 << 32 ? size : (size + 0xfff) & ~0xfff
    var end = layout.lowMemoryEnd
    if case .bzImage(let header) = kernel.format {
      end = min(end, (header.initramfsLimit + 1) & ~0xfff)
    }
    guard kernelEnd <= end, pages <= end - kernelEnd else {
      // What the kernel uses for itself meanwhile is more than its image: a quarter and 16 MiB.
      let needed = kernelEnd + min(pages, 1 << 40)
      let advised = (needed + needed / 4 + 16 << 20 - 1) >> 20
      throw RuntimeError(
        "memory of the virtual machine: \(layout.memory >> 20) MiB are too little for the kernel "
          + "\(kernel.file.name), which needs \((kernelEnd + 0xfffff) >> 20) MiB"
          + (initramfs == nil ? "" : ", and an initramfs of \((pages + 0xfffff) >> 20) MiB"),
        advice: needed <= GuestMemory.gapStart
          ? "give it at least \(advised) MiB" : "they have to fit below 3 GiB")
    }
    guard size > 0 else { return nil }
    let start = end - pages
    return start..<start + size
  }
}

/// Guest memory with errors that name the place.
private struct Placement {
  let memory: GuestMemory

  init(_ memory: GuestMemory) { self.memory = memory }

  func write(_ bytes: [UInt8], at address: UInt64) throws(RuntimeError) {
    guard memory.write(bytes, at: address) else { throw missing(address, bytes.count) }
  }

  /// Reads straight into the guest's memory.
  func copy(
    _ file: BootFile, _ offset: UInt64, _ count: Int, to address: UInt64
  ) throws(RuntimeError) {
    guard count > 0 else { return }
    guard let target = unsafe memory.slice(at: address, count: UInt64(count)) else {
      throw missing(address, count)
    }
    try unsafe file.read(at: offset, into: target)
  }

  private func missing(_ address: UInt64, _ count: Int) -> RuntimeError {
    RuntimeError("guest memory ends before address \(address) + \(count)")
  }
}
