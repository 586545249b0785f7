internal import CLinux

/// One request, copied out of the guest, and the way to answer it.
@safe struct Exchange {
  let header: fuse_in_header
  let request: Segments
  let reply: Segments
  let thread: UnsafeMutablePointer<cl_fs_thread>
  /// The request from its header on, in this thread's memory; shorter than it for WRITE.
  let copied: Int
  private let memory: UnsafeMutableRawPointer

  // How the memory of a thread is used.
  static let requestCapacity = 80 << 10
  static let vectorCapacity = 1024
  private static let vectorsOffset = requestCapacity
  private static let replyOffset =
    unsafe vectorsOffset + vectorCapacity * MemoryLayout<iovec>.stride
  /// The longest body of a reply that is put together here.
  static let replyCapacity = Int(CL_FS_MEMORY) - replyOffset - headerSize
  static let headerSize = MemoryLayout<fuse_out_header>.size
  static let requestHeaderSize = MemoryLayout<fuse_in_header>.size

  /// Copies the request; nil when it has no header, for which there is no answer.
  init?(
    request: Segments, reply: Segments, thread: UnsafeMutablePointer<cl_fs_thread>,
    memory: UnsafeMutableRawPointer
  ) {
    let size = Self.requestHeaderSize
    guard unsafe request.copy(from: 0, size: size, to: memory) == size else { return nil }
    header = unsafe memory.loadUnaligned(as: fuse_in_header.self)
    self.request = request
    self.reply = reply
    unsafe self.thread = unsafe thread
    unsafe self.memory = unsafe memory
    // The data of a WRITE stays where it is.
    let limit =
      header.opcode == FUSE_WRITE.rawValue
      ? size + MemoryLayout<fuse_write_in>.size : Self.requestCapacity
    let wanted = min(Int(header.len), request.count, limit)
    var copied = size
    if wanted > size {
      copied += unsafe request.copy(from: size, size: wanted - size, to: memory + size)
    }
    self.copied = copied
  }

  /// Whether the length that the header tells is what came.
  var isWellFormed: Bool {
    Int(header.len) >= Self.requestHeaderSize && Int(header.len) <= request.count
  }

  /// Bytes that a reply's body can have.
  var room: Int { max(0, reply.count - Self.headerSize) }

  var vectors: UnsafeMutablePointer<iovec> {
    unsafe (memory + Self.vectorsOffset).assumingMemoryBound(to: iovec.self)
  }

  /// Where the body of a reply is put together.
  var body: UnsafeMutableRawPointer { unsafe memory + Self.replyOffset + Self.headerSize }

  // MARK: Arguments

  /// The value `offset` bytes behind the header.
  @inline(__always)
  func argument<Value: BitwiseCopyable>(
    _ type: Value.Type, at offset: Int = 0
  ) throws(Failure) -> Value {
    let start = Self.requestHeaderSize + offset
    guard offset >= 0, copied - start >= MemoryLayout<Value>.size else { throw Failure(EINVAL) }
    return unsafe (memory + start).loadUnaligned(as: Value.self)
  }

  /// The bytes from `offset` behind the header to the end of the copy.
  func bytes(at offset: Int) throws(Failure) -> UnsafeRawBufferPointer {
    let start = Self.requestHeaderSize + offset
    guard offset >= 0, start <= copied else { throw Failure(EINVAL) }
    return unsafe UnsafeRawBufferPointer(start: memory + start, count: copied - start)
  }

  /// A text that ends in NUL, of at most `limit` bytes without it.
  func text(at offset: Int, limit: Int) throws(Failure) -> Text {
    let bytes = try unsafe self.bytes(at: offset)
    guard let base = bytes.baseAddress, bytes.count > 0 else {
      throw Failure(EINVAL)
    }
    let length = unsafe strnlen(base.assumingMemoryBound(to: CChar.self), bytes.count)
    guard length < bytes.count else { throw Failure(EINVAL) }
    guard length <= limit else { throw Failure(ENAMETOOLONG) }
    return unsafe Text(pointer: base.assumingMemoryBound(to: CChar.self), length: length)
  }

  /// One component of a path: what a call relative to a directory can't leave it by.
  func name(at offset: Int) throws(Failure) -> Text {
    let text = unsafe try text(at: offset, limit: Int(NAME_MAX))
    guard unsafe text.length > 0,
      unsafe memchr(text.pointer, CInt(UInt8(ascii: "/")), text.length) == nil
    else { throw Failure(EINVAL) }
    let dot = CChar(bitPattern: UInt8(ascii: "."))
    if unsafe text.pointer[0] == dot,
      unsafe text.length == 1 || (text.length == 2 && text.pointer[1] == dot)
    {
      throw Failure(EINVAL)
    }
    return unsafe text
  }

  // MARK: Replies

  /// Answers with the first `size` bytes of `body`.
  func finish(_ size: Int) throws(Failure) -> Int {
    guard size <= room else { throw Failure(EIO) }
    return answer(error: 0, size: size)
  }

  /// Answers with one value.
  @inline(__always)
  func finish<Value: BitwiseCopyable>(_ value: Value) throws(Failure) -> Int {
    guard MemoryLayout<Value>.size <= room else { throw Failure(EIO) }
    unsafe body.storeBytes(of: value, as: Value.self)
    return answer(error: 0, size: MemoryLayout<Value>.size)
  }

  /// Answers with `size` bytes that are in the guest already.
  func finishInPlace(_ size: Int) -> Int { answer(error: 0, size: size, copying: 0) }

  func fail(_ errno: CInt) -> Int { answer(error: -errno, size: 0) }

  private func answer(error: CInt, size: Int, copying: Int? = nil) -> Int {
    let out = fuse_out_header(
      len: UInt32(Self.headerSize + size), error: error, unique: header.unique)
    let start = unsafe body - Self.headerSize
    unsafe start.storeBytes(of: out, as: fuse_out_header.self)
    let count = Self.headerSize + (copying ?? size)
    guard unsafe reply.write(start, size: count, at: 0) == count else { return 0 }
    return Self.headerSize + size
  }

  /// Nothing is done for a request whose answer would not fit.
  @inline(__always)
  func needRoom(_ size: Int) throws(Failure) {
    guard room >= size else { throw Failure(EINVAL) }
  }
}

/// A text in the memory of a thread, ended by NUL.
@unsafe struct Text {
  let pointer: UnsafePointer<CChar>
  let length: Int
}
