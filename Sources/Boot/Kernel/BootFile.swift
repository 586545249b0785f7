internal import CLinux
public import Linux

/// A file that a machine boots from: read by position and never mapped, so that one that shrinks
/// meanwhile is an error and not a signal.
public struct BootFile: Sendable {
  private enum Contents: Sendable {
    case descriptor(CInt)
    case bytes([UInt8])
  }

  /// How messages call it: its path.
  public let name: String
  /// In bytes, as it was when this value was made.
  public let size: UInt64
  private let contents: Contents

  /// The open file `fd`, which stays the caller's and must stay open.
  public init(fd: CInt, name: String) throws(RuntimeError) {
    var status = stat()
    try step(name) { () throws(SystemError) in
      try system("fstat", name) { unsafe cl_fstat(fd, &status) }
    }
    guard status.isRegular, status.st_size >= 0 else {
      throw RuntimeError("\(name) is not a regular file")
    }
    self.name = name
    size = UInt64(status.st_size)
    contents = .descriptor(fd)
  }

  /// A file that is in memory already.
  public init(bytes: [UInt8], name: String) {
    self.name = name
    size = UInt64(bytes.count)
    contents = .bytes(bytes)
  }

  /// Fills the buffer with what is at `offset`; an error when the file ends before.
  public func read(
    at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(RuntimeError) {
    let count = UInt64(buffer.count)
    guard offset <= size, count <= size - offset else { throw truncated }
    switch contents {
    case .bytes(let bytes):
      unsafe bytes.withUnsafeBytes {
        unsafe buffer.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset + count)]))
      }
    case .descriptor(let fd):
      var done = 0
      while done < buffer.count {
        let count = try step(name) { () throws(SystemError) in
          try system("pread", name) {
            unsafe cl_pread(
              fd, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + off_t(done))
          }
        }
        guard count > 0 else { throw truncated }
        done += count
      }
    }
  }

  /// The bytes at `offset`; an error when the file ends before.
  public func read(at offset: UInt64, count: Int) throws(RuntimeError) -> [UInt8] {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else { throw truncated }
    var bytes = [UInt8](repeating: 0, count: count)
    var failure: RuntimeError?
    unsafe bytes.withUnsafeMutableBytes { buffer in
      do throws(RuntimeError) { try unsafe read(at: offset, into: buffer) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  private var truncated: RuntimeError {
    RuntimeError("\(name) is cut off: it has \(size) bytes, and more are needed")
  }
}
