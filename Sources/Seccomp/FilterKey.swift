internal import Clibseccomp
internal import Linux
internal import OCISpec

extension Spec.Linux.Seccomp {
  /// Counts up when this file's encoding, or what is compiled from the same section, changes.
  private static let formatVersion: UInt32 = 1

  /// The SHA-256 of everything that the compiled instructions depend on.
  ///
  /// The flags, the listener and its metadata are no part of the instructions, nor of the key.
  var cacheKey: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(8192)
    text.append(contentsOf: "swrun seccomp\0".utf8)
    text.append(integer: Self.formatVersion)
    if let version = unsafe seccomp_version() {
      text.append(integer: unsafe version.pointee.major)
      text.append(integer: unsafe version.pointee.minor)
      text.append(integer: unsafe version.pointee.micro)
    }
    text.append(integer: seccomp_arch_native())
    text.append(integer: defaultAction.value(errno: defaultErrnoRet))
    text.append(integer: UInt32(architectures.count))
    for architecture in architectures { text.append(string: architecture.rawValue) }
    text.append(integer: UInt32(syscalls.count))
    for rule in syscalls {
      text.append(integer: rule.action.value(errno: rule.errnoRet))
      text.append(integer: UInt32(rule.args.count))
      for argument in rule.args {
        text.append(integer: argument.index)
        text.append(integer: argument.value)
        text.append(integer: argument.valueTwo)
        text.append(string: argument.op.rawValue)
      }
      text.append(integer: UInt32(rule.names.count))
      for name in rule.names { text.append(string: name) }
    }
    return SHA256.digest(text)
  }
}

extension [UInt8] {
  /// Appends the bytes, the least first.
  mutating func append(integer: some FixedWidthInteger & UnsignedInteger) {
    var rest = integer
    for _ in 0..<(type(of: integer).bitWidth / 8) {
      append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  /// Appends the length and the bytes, so that no two lists of strings are the same text.
  mutating func append(string: String) {
    append(integer: UInt32(string.utf8.count))
    append(contentsOf: string.utf8)
  }
}
