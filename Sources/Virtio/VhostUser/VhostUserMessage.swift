public import Linux

/// A message of the vhost-user protocol, as qemu's documentation (interop/vhost-user) defines it,
/// with the descriptors that came beside it.
struct VhostUserMessage {
  /// Request and flags and the payload's length, each 32 bits in the machine's order.
  static let headerSize = 12
  /// The longest payload: a configuration space of 256 bytes and a memory table are shorter.
  static let payloadLimit = 512

  /// The requests that this back-end answers.
  enum Request: UInt32, Sendable {
    case getFeatures = 1
    case setFeatures = 2
    case setOwner = 3
    case resetOwner = 4
    case setMemoryTable = 5
    case setRingSize = 8
    case setRingAddress = 9
    case setRingBase = 10
    case getRingBase = 11
    case setRingKick = 12
    case setRingCall = 13
    case setRingError = 14
    case getProtocolFeatures = 15
    case setProtocolFeatures = 16
    case getQueueCount = 17
    case setRingEnable = 18
    case getConfiguration = 24
    case setConfiguration = 25
    case resetDevice = 34
  }

  /// The version in the low two bits, and what the others say.
  enum Flags {
    static let version: UInt32 = 1
    static let versionMask: UInt32 = 3
    static let reply: UInt32 = 4
    static let needReply: UInt32 = 8
  }

  let request: Request
  let needsReply: Bool
  let payload: [UInt8]
  let descriptors: [SharedDescriptor]

  /// The header of a request; a fault names what is wrong with it.
  static func header(
    _ bytes: [UInt8]
  ) throws(VhostUserFault) -> (request: Request, needsReply: Bool, length: Int) {
    var fields = VhostUserFields(bytes)
    let number = fields.next32()
    let flags = fields.next32()
    let length = fields.next32()
    guard let request = Request(rawValue: number) else { throw .unknownRequest(number) }
    guard flags & Flags.versionMask == Flags.version, flags & Flags.reply == 0,
      length <= UInt32(payloadLimit)
    else { throw .badHeader(request, flags: flags, length: length) }
    return (request, flags & Flags.needReply != 0, Int(length))
  }

  /// The bytes of an answer.
  static func reply(to request: Request, _ payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append32(request.rawValue)
    bytes.append32(Flags.version | Flags.reply)
    bytes.append32(UInt32(payload.count))
    return bytes + payload
  }

  /// The payload, which must have this length, and no descriptor beside it.
  func fields(_ count: Int, descriptors expected: Int = 0) throws(VhostUserFault)
    -> VhostUserFields
  {
    guard payload.count == count else { throw .badLength(request, payload.count) }
    guard descriptors.count == expected else { throw .badDescriptors(request, descriptors.count) }
    return VhostUserFields(payload)
  }
}

/// What a front-end did that ends the connection.
public enum VhostUserFault: Error, Equatable, CustomStringConvertible {
  case unknownRequest(UInt32)
  case badHeader(request: String, flags: UInt32, length: UInt32)
  case badLength(request: String, Int)
  case badDescriptors(request: String, Int)
  case badValue(request: String, String)
  case connection(SystemError)
  case device(SystemError)
  case ring(Int, RingFault)

  static func badHeader(
    _ request: VhostUserMessage.Request, flags: UInt32, length: UInt32
  ) -> Self {
    .badHeader(request: "\(request)", flags: flags, length: length)
  }
  static func badLength(_ request: VhostUserMessage.Request, _ count: Int) -> Self {
    .badLength(request: "\(request)", count)
  }
  static func badDescriptors(_ request: VhostUserMessage.Request, _ count: Int) -> Self {
    .badDescriptors(request: "\(request)", count)
  }
  static func badValue(_ request: VhostUserMessage.Request, _ text: String) -> Self {
    .badValue(request: "\(request)", text)
  }

  public var description: String {
    switch self {
    case .unknownRequest(let number): "request \(number) is not supported"
    case .badHeader(let request, let flags, let length):
      "\(request): flags \(flags), length \(length): not a request of version 1"
    case .badLength(let request, let count): "\(request): \(count) bytes of payload are wrong"
    case .badDescriptors(let request, let count): "\(request): \(count) descriptors are wrong"
    case .badValue(let request, let text): "\(request): \(text)"
    case .connection(let error): "\(error)"
    case .device(let error): "the device can't start: \(error)"
    case .ring(let index, let fault): "queue \(index): \(fault)"
    }
  }
}

/// Reads numbers out of a payload whose length was checked; zero behind its end.
struct VhostUserFields {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next32() -> UInt32 { UInt32(truncatingIfNeeded: next(4)) }
  mutating func next64() -> UInt64 { next(8) }

  private mutating func next(_ count: Int) -> UInt64 {
    guard offset + count <= bytes.count else { return 0 }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
    offset += count
    return value
  }
}

extension [UInt8] {
  mutating func append32(_ value: UInt32) {
    for index in 0..<4 { append(UInt8(truncatingIfNeeded: value >> UInt32(8 * index))) }
  }
  mutating func append64(_ value: UInt64) {
    for index in 0..<8 { append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
  }
}
