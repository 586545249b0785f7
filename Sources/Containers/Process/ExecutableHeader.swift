internal import CLinux
internal import Linux

/// The first bytes of a program that would not start, read to name what it needs.
///
/// The file is the container's and may hold anything: every offset is checked, every size bound.
struct ExecutableHeader {
  enum Format: Equatable {
    /// The interpreter after `#!`.
    case script(String)
    /// The machine of an ELF file, and the loader it names.
    case elf(machine: UInt16, loader: String?)
    case other
  }

  let format: Format

  init?(_ path: String) {
    guard let file = try? FileDescriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY),
      let status = try? file.status(), status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
    else { return nil }
    format = Self.parse { offset, count in Self.read(file.rawValue, offset, count) }
  }

  private static func read(_ file: CInt, _ offset: UInt64, _ count: Int) -> [UInt8] {
    guard let offset = off_t(exactly: offset) else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = max(0, unsafe cl_pread(file, buffer.baseAddress, count, offset))
    }
  }

  /// `read` gives up to so many bytes from an offset, fewer at the end of the file.
  static func parse(_ read: (UInt64, Int) -> [UInt8]) -> Format {
    let head = read(0, 256)
    if head.starts(with: [0x23, 0x21]) { return .script(interpreter(head)) }
    guard head.count >= 64, head.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return .other }
    let machine = UInt16(truncatingIfNeeded: number(head, 18, 2))
    // Least byte first: what runs on the machines that swrun runs on, 32 bits too.
    guard let layout = Layout(elfClass: head[4]), head[5] == 1,
      number(head, layout.entrySize, 2) == UInt64(layout.size)
    else { return .elf(machine: machine, loader: nil) }
    let count = min(Int(number(head, layout.entryCount, 2)), 64)
    let headers = read(number(head, layout.table, layout.word), count * layout.size)
    for start in stride(from: 0, to: headers.count / layout.size * layout.size, by: layout.size)
    where number(headers, start, 4) == UInt64(PT_INTERP) {
      let size = number(headers, start + layout.fileSize, layout.word)
      guard size > 1, size <= UInt64(PATH_MAX) else { break }
      let name = read(number(headers, start + layout.offset, layout.word), Int(size))
      return .elf(
        machine: machine, loader: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
    }
    return .elf(machine: machine, loader: nil)
  }

  /// Where an ELF file and its program headers have what is looked for (elf(5)).
  private struct Layout {
    /// The bytes of an offset or a size.
    let word: Int
    let table, entrySize, entryCount: Int
    /// Of a program header: its bytes, and where the offset and the size of its contents stand.
    let size, offset, fileSize: Int

    init?(elfClass: UInt8) {
      switch CInt(elfClass) {
      case ELFCLASS64:
        (word, table, entrySize, entryCount) = (8, 32, 54, 56)
        (size, offset, fileSize) = (56, 8, 32)
      case ELFCLASS32:
        (word, table, entrySize, entryCount) = (4, 28, 42, 44)
        (size, offset, fileSize) = (32, 4, 16)
      default: return nil
      }
    }
  }

  private static func interpreter(_ head: [UInt8]) -> String {
    let line = head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
    let blank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    return String(
      decoding: line.drop(while: blank).prefix { !blank($0) && $0 != 0 }, as: UTF8.self)
  }

  /// Least byte first; the caller knows that the bytes are there.
  private static func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
    bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// What the kernel did not find when the file itself is there; nil when the file is not, or
  /// needs nothing.
  ///
  /// An interpreter that is there may lack its own, as deep as the kernel goes.
  static func missing(of path: String, depth: Int = 5) -> String? {
    switch ExecutableHeader(path)?.format {
    case .script(let interpreter) where interpreter.utf8.last == UInt8(ascii: "\r"):
      return "its interpreter \(interpreter.dropLast()) has a carriage return behind it"
        + " (DOS line ends)"
    case .script(let interpreter):
      let reason = depth > 1 ? missing(of: interpreter, depth: depth - 1) : nil
      return "its interpreter \(interpreter): \(reason ?? "no such file or directory")"
    case .elf(_, let loader?): return "its loader \(loader): no such file or directory"
    case .elf, .other, nil: return nil
    }
  }

  /// Says for which machine the file is made; nil when it is for this one, or no ELF file.
  var wrongMachine: String? {
    guard case .elf(let machine, _) = format, machine != Self.native else { return nil }
    return "it is a program for \(Self.name(machine)), not for \(Self.name(Self.native))"
  }

  private static var native: UInt16 {
    #if arch(x86_64)
      UInt16(EM_X86_64)
    #elseif arch(arm64)
      UInt16(EM_AARCH64)
    #endif
  }

  private static func name(_ machine: UInt16) -> String {
    switch CInt(machine) {
    case EM_X86_64: "x86_64"
    case EM_AARCH64: "aarch64"
    case EM_386: "i386"
    case EM_ARM: "arm"
    case EM_RISCV: "riscv"
    case EM_PPC64: "ppc64"
    case EM_S390: "s390"
    case EM_MIPS: "mips"
    default: "ELF machine \(machine)"
    }
  }
}
