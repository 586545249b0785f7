internal import CLinux
internal import Linux

/// What an ELF kernel says about itself, checked: its segments lie in the file, above 1 MiB, and
/// apart from each other.
struct ELFHeader: Sendable, Equatable {
  /// Bytes of the file that are loaded, followed by zeros.
  struct Segment: Sendable, Equatable {
    let offset: UInt64
    let fileSize: UInt64
    /// A physical address.
    let address: UInt64
    let memorySize: UInt64
  }

  static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]
  private static let headerSize = 64
  static let programHeaderSize = 56
  private static let mostProgramHeaders = 64
  private static let mostNoteBytes: UInt64 = 1 << 20
  /// XEN_ELFNOTE_PHYS32_ENTRY of Xen's public/elfnote.h.
  private static let directEntryNote: UInt32 = 18

  let segments: [Segment]
  /// The 64-bit entry, a physical address.
  let entry: UInt64
  /// The 32-bit entry of the PVH note; nil when the kernel was built without CONFIG_PVH.
  let directEntry: UInt64?
  /// Whether one of its notes is Linux's own: then `entry` is that of Linux's 64-bit boot protocol.
  let isLinux: Bool

  /// Where the last segment ends.
  var end: UInt64 { segments.map { $0.address + $0.memorySize }.max() ?? 0 }

  init(_ file: BootFile) throws(RuntimeError) {
    func fault(_ what: String) -> RuntimeError {
      RuntimeError(
        "kernel \(file.name): \(what)",
        advice: "a bzImage of Linux for x86-64 or an ELF vmlinux is needed")
    }
    guard file.size >= UInt64(Self.headerSize) else {
      throw fault("cut off within its ELF header, after \(file.size) bytes")
    }
    let header = try file.read(at: 0, count: Self.headerSize)
    // A field of the header, which was read whole.
    func field<Value: FixedWidthInteger & UnsignedInteger>(
      _ offset: Int, as type: Value.Type
    ) -> Value { header.value(at: offset, as: Value.self) ?? 0 }
    guard header[Int(EI_CLASS)] == UInt8(ELFCLASS64), header[Int(EI_DATA)] == UInt8(ELFDATA2LSB),
      field(18, as: UInt16.self) == UInt16(EM_X86_64)
    else { throw fault("ELF, but not for x86-64") }
    guard field(16, as: UInt16.self) == UInt16(ET_EXEC) else {
      throw fault("ELF, but not an executable with fixed addresses")
    }
    let table = field(32, as: UInt64.self)
    let entrySize = field(54, as: UInt16.self)
    let count = Int(field(56, as: UInt16.self))
    guard Int(entrySize) == Self.programHeaderSize, (1...Self.mostProgramHeaders).contains(count)
    else { throw fault("has \(count) program headers of \(entrySize) bytes") }
    let tableSize = count * Self.programHeaderSize
    guard table <= file.size, UInt64(tableSize) <= file.size - table else {
      throw fault("cut off: its program headers lie outside of the file")
    }
    let headers = try file.read(at: table, count: tableSize)

    var segments: [Segment] = []
    var directEntry: UInt64?
    var isLinux = false
    for index in 0..<count {
      let base = index * Self.programHeaderSize
      func field(_ offset: Int) -> UInt64 { headers.value(at: base + offset, as: UInt64.self) ?? 0 }
      let type = headers.value(at: base, as: UInt32.self) ?? 0
      let segment = Segment(
        offset: field(8), fileSize: field(32), address: field(24), memorySize: field(40))
      guard type == UInt32(PT_LOAD) || type == UInt32(PT_NOTE) else { continue }
      guard segment.offset <= file.size, segment.fileSize <= file.size - segment.offset else {
        throw fault("cut off: its segment \(index) lies outside of the file")
      }
      if type == UInt32(PT_NOTE) {
        guard segment.fileSize <= Self.mostNoteBytes else {
          throw fault("has notes of \(segment.fileSize) bytes")
        }
        let notes = try file.read(at: segment.offset, count: Int(segment.fileSize))
        directEntry = directEntry ?? Self.directEntry(notes)
        isLinux = isLinux || Self.notes(notes).contains { $0.name.elementsEqual("Linux\0".utf8) }
      } else if segment.memorySize > 0 {
        guard segment.fileSize <= segment.memorySize, segment.address >= LowMemory.kernelStart,
          segment.address <= 1 << 32, segment.memorySize <= 1 << 32
        else {
          throw fault(
            "its segment \(index) wants \(segment.memorySize) bytes at address \(segment.address), "
              + "which is not possible")
        }
        segments.append(segment)
      }
    }
    guard !segments.isEmpty else { throw fault("ELF without anything to load") }
    segments.sort { $0.address < $1.address }
    for (one, next) in zip(segments, segments.dropFirst())
    where one.address + one.memorySize > next.address {
      throw fault("two of its segments overlap at address \(next.address)")
    }
    let entry = field(24, as: UInt64.self)
    for start in [directEntry ?? entry, isLinux ? entry : directEntry ?? entry] {
      guard segments.contains(where: { $0.address <= start && start < $0.address + $0.fileSize })
      else { throw fault("its entry \(start) lies outside of its segments") }
    }
    self.segments = segments
    self.entry = entry
    self.directEntry = directEntry
    self.isLinux = isLinux
  }

  private struct Note {
    let type: UInt32
    let name: ArraySlice<UInt8>
    let contents: Range<Int>
  }

  /// The notes up to the first that is cut off; names and contents are padded to 4 bytes.
  private static func notes(_ bytes: [UInt8]) -> [Note] {
    var notes: [Note] = []
    var offset = 0
    while let nameSize = bytes.value(at: offset, as: UInt32.self),
      let size = bytes.value(at: offset + 4, as: UInt32.self),
      let type = bytes.value(at: offset + 8, as: UInt32.self)
    {
      let name = offset + 12
      let contents = name + (Int(nameSize) + 3) / 4 * 4
      let next = contents + (Int(size) + 3) / 4 * 4
      guard next <= bytes.count else { break }
      notes.append(
        Note(
          type: type, name: bytes[name..<name + Int(nameSize)],
          contents: contents..<contents + Int(size)))
      offset = next
    }
    return notes
  }

  /// The entry that Xen's note has among these.
  private static func directEntry(_ bytes: [UInt8]) -> UInt64? {
    let note = notes(bytes).first {
      $0.type == directEntryNote && $0.name.elementsEqual("Xen\0".utf8)
    }
    guard let contents = note?.contents else { return nil }
    switch contents.count {
    case 4: return bytes.value(at: contents.lowerBound, as: UInt32.self).map(UInt64.init)
    case 8: return bytes.value(at: contents.lowerBound, as: UInt64.self)
    default: return nil
    }
  }
}
