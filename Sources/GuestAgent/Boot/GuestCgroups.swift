internal import CLinux
internal import Linux

/// The guest's cgroups (v2): the agent in the root of the hierarchy, which no limit is for, and the
/// container in one directly below, with all controllers.
///
/// Each further cgroup would cost the start a dozen controllers' states, some 40 ms of 3 s in the testbed.
enum GuestCgroups {
  private static let mountPoint = "/sys/fs/cgroup"
  /// What stands before the container's id in its `linux.cgroupsPath`: no file of the root begins so.
  static let prefix = "/swrun-"

  static func arrange() throws(RuntimeError) {
    try step("cgroups") { () throws(SystemError) in
      // As bytes: what the library does to texts is cold code, 15 ms of a start in the testbed.
      let controllers = words(try File.read(mountPoint + "/cgroup.controllers"))
      let control = try FileDescriptor.open(mountPoint + "/cgroup.subtree_control", O_WRONLY)
      var all: [UInt8] = []
      for controller in controllers { all += controller }
      do { try control.writeAll(all) } catch {
        // All or none: each for itself, then.
        for controller in controllers {
          // Limits that need one which cannot be had are an error of the container's creation.
          try? control.writeAll(controller)
        }
      }
    }
  }

  /// What turns each controller on, "+NAME ".
  private static func words(_ names: [UInt8]) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var word: [UInt8] = []
    for byte in names {
      if byte > UInt8(ascii: " ") {
        if word.isEmpty { word.append(UInt8(ascii: "+")) }
        word.append(byte)
      } else if !word.isEmpty {
        words.append(word + [UInt8(ascii: " ")])
        word = []
      }
    }
    if !word.isEmpty { words.append(word + [UInt8(ascii: " ")]) }
    return words
  }
}
