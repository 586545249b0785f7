internal import CLinux

extension FileDescriptor {
  /// The names in this directory in the kernel's order, without `.` and `..`.
  ///
  /// Reads from the descriptor's position on: a second call on the same open directory is empty.
  public func entries(_ subject: String = "") throws(SystemError) -> [String] {
    var names: [String] = []
    var buffer = [UInt8](repeating: 0, count: 32768)
    while true {
      let filled = try system("getdents64", subject) {
        unsafe buffer.withUnsafeMutableBytes {
          unsafe cl_getdents64(rawValue, $0.baseAddress!, $0.count)
        }
      }
      if filled == 0 { return names }
      unsafe buffer.withUnsafeBytes { bytes in
        var offset = 0
        var name: UnsafePointer<CChar>? = nil
        var type: UInt8 = 0
        while true {
          let length = unsafe cl_dirent_at(bytes.baseAddress!, filled, offset, &name, &type)
          guard length > 0, let found = unsafe name else { break }
          let text = unsafe String(cString: found)
          if text != "." && text != ".." { names.append(text) }
          offset += length
        }
      }
    }
  }
}
