internal import CLinux
internal import Linux

/// The devices that no start needs: entropy, console, balloon.
///
/// While the kernel looks for devices their windows say that there is none (virtio 1.2, 4.2.2: device number 0). The
/// host has shown them before it opens the first session; the agent then has the kernel look once more, when that
/// is in nobody's way.
struct LateDevices {
  private static let bus = "/sys/bus/platform"
  /// What a window is called: by its ACPI identity, and of the command line.
  private static let names: [StaticString] = ["LNRO0005:", "virtio-mmio."]
  /// From the first session on: by then a container's program runs.
  private static let delay: Int64 = 1_000_000_000

  private enum State {
    case hidden
    case due(at: Int64)
    case found
  }
  private var state = State.hidden

  /// The host has opened a session.
  mutating func sessionBegan() {
    if case .hidden = state { state = .due(at: cl_monotonic_ns() + Self.delay) }
  }

  /// How long to wait for anything else, in milliseconds; -1 for any time.
  var patience: CInt {
    guard case .due(let time) = state else { return -1 }
    return CInt(clamping: max(0, time - cl_monotonic_ns() + 999_999) / 1_000_000)
  }

  /// Has the kernel look, once, when it is time.
  mutating func findWhenDue() {
    guard case .due(let time) = state, cl_monotonic_ns() >= time else { return }
    state = .found
    guard
      let directory = try? FileDescriptor.open(Self.bus + "/devices", O_RDONLY | O_DIRECTORY),
      let entries = try? directory.entries()
    else { return }
    for name in entries.sorted() where Self.isWindow(name) {
      if File.exists("\(Self.bus)/devices/\(name)/driver") { continue }
      // Refused where a window really has no device.
      try? File.write(Self.bus + "/drivers/virtio-mmio/bind", name)
    }
  }

  private static func isWindow(_ name: String) -> Bool {
    names.contains { name.hasPrefix($0.description) }
  }
}
