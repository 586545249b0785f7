internal import CLinux
internal import Linux

/// What a hook writes to its standard error, up to a bound; the rest is read and dropped, so that
/// no hook waits for a reader.
struct HookOutput {
  private static let limit = 4096
  private let reader: SharedDescriptor
  private var bytes: [UInt8] = []

  init(_ reader: SharedDescriptor) {
    self.reader = reader
    _ = cl_fcntl(reader.rawValue, F_SETFL, Int(O_NONBLOCK))
  }

  /// To poll for input; -1 once the hook and all that it started closed their end.
  var descriptor: CInt { reader.rawValue }

  /// Takes what is there without waiting.
  mutating func drain() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while reader.rawValue >= 0 {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe cl_read(reader.rawValue, $0.baseAddress, $0.count)
      }
      if count == -Int(EINTR) { continue }
      if count == -Int(EAGAIN) { return }
      if count <= 0 { return reader.close() }
      bytes += buffer[..<count].prefix(Self.limit - bytes.count)
    }
  }

  func passOn() { try? FileDescriptor.writeAll(2, bytes) }

  /// `: ` and the text on one line, or nothing.
  var reason: String {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return lines.isEmpty ? "" : ": " + lines.joined(separator: "; ")
  }
}
