/// The bytecode of a definition block, built from its parts (ACPI 6.5, chapter 20).
enum AML {
  private static let nameOperation: UInt8 = 0x08
  private static let bytePrefix: UInt8 = 0x0a
  private static let doubleWordPrefix: UInt8 = 0x0c
  private static let stringPrefix: UInt8 = 0x0d
  private static let scopeOperation: UInt8 = 0x10
  private static let bufferOperation: UInt8 = 0x11
  private static let packageOperation: UInt8 = 0x12
  private static let deviceOperation: [UInt8] = [0x5b, 0x82]

  /// `Name(path, value)`.
  static func name(_ path: String, _ value: [UInt8]) -> [UInt8] {
    [nameOperation] + Array(path.utf8) + value
  }

  /// `Scope(path) { … }`.
  static func scope(_ path: String, _ terms: [UInt8]) -> [UInt8] {
    [scopeOperation] + package(Array(path.utf8) + terms)
  }

  /// `Device(name) { … }`; the name has four characters.
  static func device(_ name: String, _ terms: [UInt8]) -> [UInt8] {
    deviceOperation + package(Array(name.utf8) + terms)
  }

  static func string(_ text: String) -> [UInt8] { [stringPrefix] + Array(text.utf8) + [0] }

  static func byte(_ value: UInt8) -> [UInt8] { [bytePrefix, value] }

  static func doubleWord(_ value: UInt32) -> [UInt8] {
    var writer = LittleEndianWriter()
    writer.append(doubleWordPrefix)
    writer.append(value)
    return writer.bytes
  }

  /// `Package() { … }`.
  static func package(of elements: [[UInt8]]) -> [UInt8] {
    [packageOperation] + package([UInt8(elements.count)] + Array(elements.joined()))
  }

  /// `ResourceTemplate() { … }`: a buffer of descriptors with an end tag without checksum (6.4).
  static func resources(_ descriptors: [[UInt8]]) -> [UInt8] {
    let bytes = Array(descriptors.joined()) + [0x79, 0]
    return [bufferOperation] + package(doubleWord(UInt32(bytes.count)) + bytes)
  }

  /// `Memory32Fixed(ReadWrite, base, size)` (6.4.3.4).
  static func memory(base: UInt32, size: UInt32) -> [UInt8] {
    var writer = LittleEndianWriter()
    writer.append([0x86, 9, 0, 1])
    writer.append(base)
    writer.append(size)
    return writer.bytes
  }

  /// `Interrupt(ResourceConsumer, Edge, ActiveHigh, Exclusive) { line }` (6.4.3.6).
  static func interrupt(_ line: UInt32) -> [UInt8] {
    var writer = LittleEndianWriter()
    writer.append([0x89, 6, 0, 0b0011, 1])
    writer.append(line)
    return writer.bytes
  }

  /// `IO(Decode16, port, port, 1, count)` (6.4.2.5).
  static func ports(_ port: UInt16, count: UInt8) -> [UInt8] {
    var writer = LittleEndianWriter()
    writer.append([0x47, 1])
    writer.append(port)
    writer.append(port)
    writer.append([1, count])
    return writer.bytes
  }

  /// The contents with their PkgLength in front, which counts itself (20.2.4).
  private static func package(_ contents: [UInt8]) -> [UInt8] {
    if contents.count + 1 < 1 << 6 { return [UInt8(contents.count + 1)] + contents }
    var extra = 1
    while contents.count + 1 + extra >= 1 << (4 + 8 * extra) { extra += 1 }
    let length = contents.count + 1 + extra
    var encoded = [UInt8(extra << 6 | length & 0xf)]
    for index in 0..<extra { encoded.append(UInt8(truncatingIfNeeded: length >> (4 + 8 * index))) }
    return encoded + contents
  }
}
