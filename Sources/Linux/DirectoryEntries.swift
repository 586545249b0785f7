internal import CLinux

extension FileDescriptor {
  /// The names in this directory in the kernel's order, without `.` and `..`.
  ///
  /// Reads from the descriptor's position on: a second call on the same open directory is empty.
  public func entries(_ subject: String = "") throws(SystemError) -> [String] {
    var names: [String] = []
    // Not an array: that would write, and so need, pages that a small directory does not fill.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
    defer { unsafe buffer.deallocate() }
    while true {
      let filled = try system("getdents64", subject) {
        unsafe cl_getdents64(rawValue, buffer.baseAddress!, buffer.count)
      }
      if filled == 0 { return names }
      var offset = 0
      var name: UnsafePointer<CChar>? = nil
      var type: UInt8 = 0
      while true {
        let length = unsafe cl_dirent_at(buffer.baseAddress!, filled, offset, &name, &type)
        guard length > 0, let found = unsafe name else { break }
        let text = unsafe String(cString: found)
        if text != "." && text != ".." { names.append(text) }
        offset += length
      }
    }
  }
}
