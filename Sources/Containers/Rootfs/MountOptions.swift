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
  /// A bind source that is a symbolic link is mounted as the link.
  var keepsSymlink = false

  var isReadOnly: Bool { (set | recursiveSet) & UInt(CL_MOUNT_ATTR_RDONLY) != 0 }

  init(_ options: [String]) {
    for option in options { add(option) }
  }

  private mutating func add(_ option: String) {
    if let change = Self.attributes[option] {
      change.apply(&set, &clear)
    } else if option.hasPrefix("r"), let change = Self.attributes[String(option.dropFirst())],
      option != "ro", option != "rw"
    {
      change.apply(&recursiveSet, &recursiveClear)
    } else if let flag = Self.propagations[option] {
      propagation = flag
      propagationIsRecursive = false
    } else if option.hasPrefix("r"), let flag = Self.propagations[String(option.dropFirst())] {
      propagation = flag
      propagationIsRecursive = true
    } else {
      addOther(option)
    }
  }

  private mutating func addOther(_ option: String) {
    switch option {
    case "defaults", "async", "nolazytime", "loud", "nomand", "nouser", "auto", "noauto",
      "user", "users", "_netdev", "norelatime", "nostrictatime":
      break
    case "sync", "dirsync", "lazytime", "mand", "silent", "iversion", "noiversion", "acl",
      "noacl":
      filesystemFlags.append(option)
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

  private static let attributes: [String: Change] = {
    let readOnly = UInt(CL_MOUNT_ATTR_RDONLY)
    let noSUID = UInt(CL_MOUNT_ATTR_NOSUID)
    let noDevices = UInt(CL_MOUNT_ATTR_NODEV)
    let noExec = UInt(CL_MOUNT_ATTR_NOEXEC)
    let noSymlinks = UInt(CL_MOUNT_ATTR_NOSYMFOLLOW)
    let noDirectoryTime = UInt(CL_MOUNT_ATTR_NODIRATIME)
    // The access time flags are one field of three values, which has to be cleared as a whole.
    let accessTime = UInt(CL_MOUNT_ATTR__ATIME)
    return [
      "ro": Change(set: readOnly, clear: 0), "rw": Change(set: 0, clear: readOnly),
      "nosuid": Change(set: noSUID, clear: 0), "suid": Change(set: 0, clear: noSUID),
      "nodev": Change(set: noDevices, clear: 0), "dev": Change(set: 0, clear: noDevices),
      "noexec": Change(set: noExec, clear: 0), "exec": Change(set: 0, clear: noExec),
      "nosymfollow": Change(set: noSymlinks, clear: 0),
      "symfollow": Change(set: 0, clear: noSymlinks),
      "nodiratime": Change(set: noDirectoryTime, clear: 0),
      "diratime": Change(set: 0, clear: noDirectoryTime),
      "noatime": Change(set: UInt(CL_MOUNT_ATTR_NOATIME), clear: accessTime),
      "strictatime": Change(set: UInt(CL_MOUNT_ATTR_STRICTATIME), clear: accessTime),
      "relatime": Change(set: UInt(CL_MOUNT_ATTR_RELATIME), clear: accessTime),
      "atime": Change(set: UInt(CL_MOUNT_ATTR_RELATIME), clear: accessTime),
    ]
  }()

  private static let propagations: [String: UInt] = [
    "shared": UInt(CL_MS_SHARED), "slave": UInt(CL_MS_SLAVE), "private": UInt(CL_MS_PRIVATE),
    "unbindable": UInt(CL_MS_UNBINDABLE),
  ]

  /// All names, for `features`.
  static let known: [String] =
    (attributes.keys.flatMap { $0 == "ro" ? ["ro", "rro"] : [$0, "r" + $0] }
    + propagations.keys.flatMap { [$0, "r" + $0] }
    + [
      "defaults", "async", "sync", "dirsync", "lazytime", "nolazytime", "mand", "nomand",
      "silent", "loud", "iversion", "noiversion", "acl", "noacl", "bind", "rbind", "remount",
      "tmpcopyup", "idmap", "ridmap", "copy-symlink",
    ]).sorted()
}
