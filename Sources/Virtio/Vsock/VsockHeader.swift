/// The header of each packet on the rx and tx queues (virtio 1.2, 5.10.6): 44 bytes, little endian.
struct VsockHeader: Equatable, Sendable {
  static let size = 44
  /// The only type of socket here (VIRTIO_VSOCK_TYPE_STREAM).
  static let stream: UInt16 = 1

  /// What a packet is for (virtio 1.2, 5.10.6).
  enum Operation: UInt16, Sendable {
    case request = 1
    case response = 2
    case reset = 3
    case shutdown = 4
    case data = 5
    case creditUpdate = 6
    case creditRequest = 7
  }

  var sourceCID: UInt64 = 0
  var targetCID: UInt64 = 0
  var sourcePort: UInt32 = 0
  var targetPort: UInt32 = 0
  /// The bytes of data that follow.
  var length: UInt32 = 0
  var type: UInt16 = VsockHeader.stream
  /// As it came: not every value is an `Operation`.
  var rawOperation: UInt16 = 0
  var flags: UInt32 = 0
  /// The size of the sender's receive buffer, and how many bytes have left it, modulo 2^32.
  var window: UInt32 = 0
  var forwarded: UInt32 = 0

  var operation: Operation? { Operation(rawValue: rawOperation) }

  init() {}

  /// Reads 44 bytes; they must not change meanwhile: pass a copy.
  init(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count >= Self.size)
    unsafe sourceCID = bytes.number(at: 0)
    unsafe targetCID = bytes.number(at: 8)
    unsafe sourcePort = bytes.number(at: 16)
    unsafe targetPort = bytes.number(at: 20)
    unsafe length = bytes.number(at: 24)
    unsafe type = bytes.number(at: 28)
    unsafe rawOperation = bytes.number(at: 30)
    unsafe flags = bytes.number(at: 32)
    unsafe window = bytes.number(at: 36)
    unsafe forwarded = bytes.number(at: 40)
  }

  /// Writes 44 bytes.
  func store(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count >= Self.size)
    unsafe bytes.store(sourceCID, at: 0)
    unsafe bytes.store(targetCID, at: 8)
    unsafe bytes.store(sourcePort, at: 16)
    unsafe bytes.store(targetPort, at: 20)
    unsafe bytes.store(length, at: 24)
    unsafe bytes.store(type, at: 28)
    unsafe bytes.store(rawOperation, at: 30)
    unsafe bytes.store(flags, at: 32)
    unsafe bytes.store(window, at: 36)
    unsafe bytes.store(forwarded, at: 40)
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func number<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Value {
    Value(littleEndian: unsafe loadUnaligned(fromByteOffset: offset, as: Value.self))
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int)
  {
    unsafe storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
  }
}

/// The halves of a connection that its sender is done with (virtio 1.2, 5.10.6.5).
struct VsockShutdown: OptionSet, Equatable, Sendable {
  let rawValue: UInt32
  /// It receives nothing more.
  static let receive = VsockShutdown(rawValue: 1)
  /// It sends nothing more.
  static let send = VsockShutdown(rawValue: 2)
  static let both: VsockShutdown = [.receive, .send]
}
