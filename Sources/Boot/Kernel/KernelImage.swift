public import Linux

/// A file that is a Linux kernel for x86-64: a bzImage, or an ELF vmlinux.
public struct KernelImage: Sendable {
  enum Format: Sendable, Equatable {
    case bzImage(SetupHeader)
    case elf(ELFHeader)
  }

  public let file: BootFile
  let format: Format

  /// Recognises and checks the file; the error names it and what is wrong with it.
  public init(_ file: BootFile) throws(RuntimeError) {
    self.file = file
    guard file.size >= 4 else {
      throw RuntimeError(
        "kernel \(file.name): a file of \(file.size) bytes is no kernel",
        advice: "a bzImage of Linux for x86-64 or an ELF vmlinux is needed")
    }
    if try file.read(at: 0, count: 4) == ELFHeader.magic {
      format = .elf(try ELFHeader(file))
    } else {
      format = .bzImage(try SetupHeader(file))
    }
  }

  /// The release, such as 6.1.0-56-cloud-amd64; nil where the image does not tell.
  public var version: String? {
    if case .bzImage(let header) = format, !header.version.isEmpty { return header.version }
    return nil
  }

  public var isELF: Bool {
    if case .elf = format { return true }
    return false
  }

  /// What a machine needs from 0 on for the kernel to begin, without an initramfs.
  var end: UInt64 {
    switch format {
    case .bzImage(let header): header.preferredAddress + header.initialSize
    case .elf(let header): header.end
    }
  }

  /// The ELF kernel inside of a bzImage; nil when it is not compressed by LZ4, or not ELF.
  ///
  /// It boots without the guest decompressing it. A payload that is LZ4 and corrupt is an error.
  public func decompressed() throws(RuntimeError) -> BootFile? {
    guard case .bzImage(let header) = format, header.payload.count > 8 else { return nil }
    let magic = try file.read(at: header.payload.lowerBound, count: 4)
    guard magic.value(at: 0, as: UInt32.self) == LegacyLZ4.magic else { return nil }
    let payload = try file.read(at: header.payload.lowerBound, count: header.payload.count)
    // The build appends the size of what it compressed (scripts/Makefile.lib, size_append).
    let sizeOffset = payload.count - 4
    guard let size = payload.value(at: sizeOffset, as: UInt32.self), size <= 1 << 30 else {
      throw RuntimeError("kernel \(file.name): its compressed kernel has no possible size")
    }
    var bytes: [UInt8]
    do throws(LegacyLZ4.Fault) {
      bytes = try LegacyLZ4.decompress(payload, upTo: sizeOffset, size: Int(size))
    } catch {
      throw RuntimeError("kernel \(file.name): its compressed kernel is corrupt: \(error)")
    }
    // What is not a whole kernel boots as it is, or fails there.
    guard (try? ELFHeader(BootFile(bytes: bytes, name: file.name))) != nil else { return nil }
    ELFHeader.trim(&bytes)
    return BootFile(bytes: bytes, name: file.name)
  }
}
