internal import CLinux
internal import Linux
internal import OCISpec

/// The device nodes of a container: the default ones of config-linux.md, and the configured, of
/// which one of the same path replaces a default.
struct DevicePlan {
  struct Node: Equatable {
    /// Without a leading slash and without `..`.
    let path: String
    /// S_IFCHR, S_IFBLK or S_IFIFO.
    let fileType: mode_t
    let number: dev_t
    let permissions: mode_t
    let uid: uid_t
    let gid: gid_t
  }

  let defaults: [Node]
  let configured: [Node]

  init(_ devices: [Spec.Linux.Device]) throws(RuntimeError) {
    var configured: [Node] = []
    for (index, device) in devices.enumerated() {
      do {
        configured.append(try Self.node(device))
      } catch {
        throw error.inside("linux.devices[\(index)]")
      }
    }
    self.configured = configured
    defaults = Self.standard.filter { node in !configured.contains { $0.path == node.path } }
  }

  private static func node(_ device: Spec.Linux.Device) throws(RuntimeError) -> Node {
    try RootPath.checkText(device.path)
    let path = RootPath.cleaned(device.path)
    if path.isEmpty { throw RuntimeError("path \(device.path): names no file") }
    let fileType =
      switch device.type {
      case .block: S_IFBLK
      case .fifo: S_IFIFO
      case .character, .unbufferedCharacter: S_IFCHR
      }
    let permissions: mode_t
    if let mode = device.fileMode {
      // runc takes the type of the file in the mode too, as stat(2) gives it.
      let given = mode_t(mode) & mode_t(S_IFMT)
      if given != 0, given != mode_t(fileType) {
        throw RuntimeError("fileMode: has a file type other than \(device.type.rawValue)")
      }
      permissions = mode_t(mode) & 0o7777
    } else {
      permissions = 0o666
    }
    guard let major = UInt32(exactly: device.major), let minor = UInt32(exactly: device.minor)
    else { throw RuntimeError("\(device.major):\(device.minor) is no device number") }
    return Node(
      path: path, fileType: mode_t(fileType),
      number: device.type == .fifo ? 0 : cl_makedev(major, minor),
      permissions: permissions, uid: device.uid ?? 0, gid: device.gid ?? 0)
  }

  private static let standard: [Node] = [
    character("dev/null", 1, 3), character("dev/zero", 1, 5), character("dev/full", 1, 7),
    character("dev/random", 1, 8), character("dev/urandom", 1, 9), character("dev/tty", 5, 0),
  ]

  private static func character(_ path: String, _ major: UInt32, _ minor: UInt32) -> Node {
    Node(
      path: path, fileType: mode_t(S_IFCHR), number: cl_makedev(major, minor),
      permissions: 0o666, uid: 0, gid: 0)
  }
}
