internal import CLinux

/// A file system that is being configured (fsopen(2), fspick(2)).
public struct FilesystemContext: ~Copyable {
  private let descriptor: FileDescriptor
  public let type: String

  /// ENODEV when the kernel does not know the type.
  public init(_ type: String) throws(SystemError) {
    descriptor = FileDescriptor(
      owning: try system("fsopen", type) { unsafe cl_fsopen(type, UInt32(CL_FSOPEN_CLOEXEC)) })
    self.type = type
  }

  /// The file system of the mount whose root a descriptor stands on, to be reconfigured.
  public init(picking descriptor: CInt, _ subject: String) throws(SystemError) {
    self.descriptor = FileDescriptor(
      owning: try system("fspick", subject) {
        unsafe cl_fspick(descriptor, "", UInt32(CL_FSPICK_CLOEXEC | CL_FSPICK_EMPTY_PATH))
      })
    type = subject
  }

  /// `key=value`.
  public func set(_ key: String, _ value: String) throws(SystemError) {
    try system("fsconfig", "\(key)=\(value)") {
      unsafe value.withCString {
        unsafe cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_SET_STRING), key, $0, 0)
      }
    }
  }

  /// An option without a value.
  public func set(flag: String) throws(SystemError) {
    try system("fsconfig", flag) {
      unsafe cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_SET_FLAG), flag, nil, 0)
    }
  }

  /// An option as fstab(5) has it, with or without a value.
  public func set(option: String) throws(SystemError) {
    if let equals = option.utf8.firstIndex(of: UInt8(ascii: "=")) {
      try set(
        String(option[..<equals]), String(option[option.utf8.index(after: equals)...]))
    } else {
      try set(flag: option)
    }
  }

  /// Makes the file system and a detached mount of it.
  public func mount(_ attributes: MountAttributes) throws(SystemError) -> MountTree {
    try system("fsconfig", "create") {
      cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_CMD_CREATE), nil, nil, 0)
    }
    return MountTree(
      owning: FileDescriptor(
        owning: try system("fsmount", type) {
          cl_fsmount(
            descriptor.rawValue, UInt32(CL_FSMOUNT_CLOEXEC), UInt32(attributes.rawValue))
        }))
  }

  /// Applies what was set to the picked file system.
  public func reconfigure() throws(SystemError) {
    try system("fsconfig", "reconfigure") {
      cl_fsconfig(descriptor.rawValue, UInt32(CL_FSCONFIG_CMD_RECONFIGURE), nil, nil, 0)
    }
  }

  /// What the kernel says of the failure; nil when it says nothing.
  public func complaint() -> String? {
    var result: String? = nil
    var bytes = [UInt8](repeating: 0, count: 1024)
    while true {
      // One message a read, `e ` or `w ` before it; ENODATA behind the last.
      let count = unsafe cl_read(descriptor.rawValue, &bytes, bytes.count)
      guard count > 2 else { return result }
      guard bytes[0] == UInt8(ascii: "e") || result == nil else { continue }
      let text = bytes[2..<count]
      result = String(
        decoding: text.last == UInt8(ascii: "\n") ? text.dropLast() : text, as: UTF8.self)
    }
  }
}
