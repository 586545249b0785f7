internal import Linux

/// Standard output.
enum Output {
  static func write(_ bytes: [UInt8]) throws(RuntimeError) {
    try step("standard output") { () throws(SystemError) in
      try FileDescriptor.writeAll(1, bytes)
    }
  }

  static func write(_ text: String) throws(RuntimeError) { try write(Array(text.utf8)) }
}
