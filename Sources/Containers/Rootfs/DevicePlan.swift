internal import CLinux
internal import OCISpec

/// The device nodes of a container: the default ones of config-linux.md, then the configured, of
/// which one of the same path replaces a default.
struct DevicePlan {
  struct Node {
    let path: String
    let kind: Spec.Linux.Device.Kind
    let number: dev_t
    let mode: mode_t
    let uid: UInt32
    let gid: UInt32

    var fileType: mode_t {
      switch kind {
      case .block: mode_t(S_IFBLK)
      case .fifo: mode_t(S_IFIFO)
      case .character, .unbufferedCharacter: mode_t(S_IFCHR)
      }
    }
  }

  let nodes: [Node]

  init(_ devices: [Spec.Linux.Device]) {
    let configured = devices.map { device in
      Node(
        path: device.path, kind: device.type,
        number: cl_makedev(
          UInt32(truncatingIfNeeded: device.major), UInt32(truncatingIfNeeded: device.minor)),
        mode: mode_t(device.fileMode ?? 0o666), uid: device.uid ?? 0, gid: device.gid ?? 0)
    }
    nodes =
      Self.defaults.filter { node in !configured.contains { $0.path == node.path } } + configured
  }

  private static let defaults: [Node] = [
    character("/dev/null", 1, 3), character("/dev/zero", 1, 5), character("/dev/full", 1, 7),
    character("/dev/random", 1, 8), character("/dev/urandom", 1, 9), character("/dev/tty", 5, 0),
  ]

  private static func character(_ path: String, _ major: UInt32, _ minor: UInt32) -> Node {
    Node(
      path: path, kind: .character, number: cl_makedev(major, minor), mode: 0o666, uid: 0, gid: 0)
  }
}
