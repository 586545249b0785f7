internal import CLinux

extension FileDescriptor {
  /// The names in this directory in the kernel's order, without `.` and `..`.
  ///
  /// Reads from the descriptor's position on: a second call on the same open directory is empty.
  public func entries(_ subject: String = "") throws(SystemError) -> [String] {
    var names: [String] = []
    try FileDescriptor.forEachEntry(of: rawValue, subject, room: 8192) { name in
      names.append(
        unsafe name.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) })
    }
    return names
  }

  /// Lends the bytes of each name that `entries` would return of a directory that somebody else
  /// owns; the kernel is asked for as many as `room` bytes hold.
  public static func forEachEntry(
    of directory: CInt, _ subject: String, room: Int, _ body: (Span<UInt8>) -> Void
  ) throws(SystemError) {
    // Not an array: that would write, and so need, pages that a small directory does not fill.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 8)
    defer { unsafe buffer.deallocate() }
    while true {
      let filled = try system("getdents64", subject) {
        unsafe cl_getdents64(directory, buffer.baseAddress!, buffer.count)
      }
      if filled == 0 { return }
      var offset = 0
      var name: UnsafePointer<CChar>? = nil
      var type: UInt8 = 0
      while true {
        let length = unsafe cl_dirent_at(buffer.baseAddress!, filled, offset, &name, &type)
        guard length > 0, let found = unsafe name else { break }
        offset += length
        let bytes = unsafe UnsafeRawBufferPointer(start: found, count: strlen(found))
        let text = unsafe bytes.assumingMemoryBound(to: UInt8.self).span
        let isSpecial = text.count <= 2 && text.indices.allSatisfy { text[$0] == UInt8(ascii: ".") }
        if !isSpecial { body(text) }
      }
    }
  }
}
