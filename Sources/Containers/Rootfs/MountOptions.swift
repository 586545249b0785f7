internal import CLinux
internal import Linux

/// The options of one mount, sorted by what the kernel has to be told (mount(8), config.md
/// "Mounts").
struct MountOptions: Equatable {
  /// MOUNT_ATTR_ values of the mount itself.
  var set: UInt = 0
  var clear: UInt = 0
  /// The same for the mount and all below it.
  var recursiveSet: UInt = 0
  var recursiveClear: UInt = 0
  /// MS_SHARED and its kin; 0 leaves it.
  var propagation: UInt = 0
  var propagationIsRecursive = false
  /// Flags of the file system rather than of the mount, such as `sync`.
  var filesystemFlags: [String] = []
  /// What goes to the file system as it is: `size=64m`, `newinstance`.
  var data: [String] = []
  var isBind = false
  var isRecursiveBind = false
  var isRemount = false
  /// Copies what the mount would hide into a new tmpfs.
  var copiesUp = false
  /// Maps the ids of a bind mount, or of all below it.
  var isIDMapped = false
  var isIDMappedRecursively = false
  /// The id map as crun writes it: `uids=0-1000-10#20-2000-1;gids=0-1000-10`.
  var mapping: String?
  /// A bind source that is a symbolic link is mounted as the link.
  var keepsSymlink = false

  var isReadOnly: Bool { (set | recursiveSet) & UInt(CL_MOUNT_ATTR_RDONLY) != 0 }

  init(_ options: [String]) {
    for option in options { add(option) }
  }

  private mutating func add(_ option: String) {
    if let change = Self.attribute(option) {
      change.apply(&set, &clear)
    } else if let flag = Self.propagation(option) {
      propagation = flag
      propagationIsRecursive = false
    } else if option.utf8.first == UInt8(ascii: "r"), addRecursive(String(option.dropFirst())) {
      return
    } else {
      addOther(option)
    }
  }

  /// `rro`, `rslave` and their kin; false when the rest is no such name.
  private mutating func addRecursive(_ name: String) -> Bool {
    if let change = Self.attribute(name) {
      change.apply(&recursiveSet, &recursiveClear)
    } else if let flag = Self.propagation(name) {
      propagation = flag
      propagationIsRecursive = true
    } else {
      return false
    }
    return true
  }

  private mutating func addOther(_ option: String) {
    switch option {
    // What these ask for is so already, or is for mount(8) alone.
    case "defaults", "async", "nolazytime", "loud", "silent", "nomand", "auto", "noauto",
      "norelatime", "nostrictatime", "rnorelatime", "rnostrictatime", "":
      break
    case "sync", "dirsync", "lazytime", "mand": filesystemFlags.append(option)
    case "bind": isBind = true
    case "rbind":
      isBind = true
      isRecursiveBind = true
    case "remount": isRemount = true
    case "tmpcopyup": copiesUp = true
    case "idmap": isIDMapped = true
    case "ridmap":
      isIDMapped = true
      isIDMappedRecursively = true
    case _ where option.hasPrefix("idmap="):
      isIDMapped = true
      mapping = String(option.dropFirst("idmap=".count))
    case _ where option.hasPrefix("ridmap="):
      isIDMapped = true
      isIDMappedRecursively = true
      mapping = String(option.dropFirst("ridmap=".count))
    case "copy-symlink": keepsSymlink = true
    default: data.append(option)
    }
  }

  private struct Change {
    let set: UInt
    let clear: UInt

    /// The last option that names a flag wins.
    func apply(_ set: inout UInt, _ clear: inout UInt) {
      set = (set & ~self.clear) | self.set
      clear = (clear & ~self.set) | self.clear
    }
  }

  private static func attribute(_ option: String) -> Change? {
    // The access time flags are one field of three values, which has to be cleared as a whole.
    let times = UInt(CL_MOUNT_ATTR__ATIME)
    return switch option {
    case "ro": Change(set: UInt(CL_MOUNT_ATTR_RDONLY), clear: 0)
    case "rw": Change(set: 0, clear: UInt(CL_MOUNT_ATTR_RDONLY))
    case "nosuid": Change(set: UInt(CL_MOUNT_ATTR_NOSUID), clear: 0)
    case "suid": Change(set: 0, clear: UInt(CL_MOUNT_ATTR_NOSUID))
    case "nodev": Change(set: UInt(CL_MOUNT_ATTR_NODEV), clear: 0)
    case "dev": Change(set: 0, clear: UInt(CL_MOUNT_ATTR_NODEV))
    case "noexec": Change(set: UInt(CL_MOUNT_ATTR_NOEXEC), clear: 0)
    case "exec": Change(set: 0, clear: UInt(CL_MOUNT_ATTR_NOEXEC))
    case "nosymfollow": Change(set: UInt(CL_MOUNT_ATTR_NOSYMFOLLOW), clear: 0)
    case "symfollow": Change(set: 0, clear: UInt(CL_MOUNT_ATTR_NOSYMFOLLOW))
    case "nodiratime": Change(set: UInt(CL_MOUNT_ATTR_NODIRATIME), clear: 0)
    case "diratime": Change(set: 0, clear: UInt(CL_MOUNT_ATTR_NODIRATIME))
    case "noatime": Change(set: UInt(CL_MOUNT_ATTR_NOATIME), clear: times)
    case "strictatime": Change(set: UInt(CL_MOUNT_ATTR_STRICTATIME), clear: times)
    case "relatime", "atime": Change(set: UInt(CL_MOUNT_ATTR_RELATIME), clear: times)
    default: nil
    }
  }

  private static func propagation(_ option: String) -> UInt? {
    switch option {
    case "shared": UInt(CL_MS_SHARED)
    case "slave": UInt(CL_MS_SLAVE)
    case "private": UInt(CL_MS_PRIVATE)
    case "unbindable": UInt(CL_MS_UNBINDABLE)
    default: nil
    }
  }

  /// Every name that has a meaning here, sorted, for `features`.
  static let known: [String] = {
    let attributes = [
      "ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "nosymfollow", "symfollow",
      "nodiratime", "diratime", "noatime", "strictatime", "relatime", "atime",
    ]
    let propagations = ["shared", "slave", "private", "unbindable"]
    return
      ((attributes + propagations).flatMap { [$0, "r" + $0] } + [
        "defaults", "async", "sync", "dirsync", "lazytime", "nolazytime", "mand", "nomand",
        "silent", "loud", "norelatime", "nostrictatime", "rnorelatime", "rnostrictatime", "bind",
        "rbind", "remount", "tmpcopyup", "idmap", "ridmap", "copy-symlink",
      ]).sorted()
  }()
}
