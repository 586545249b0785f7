internal import CLinux
internal import Linux

/// What one word of a mount's options asks for.
enum MountOption {
  /// Flags of the mount itself.
  case attribute(MountAttributes, isSet: Bool)
  /// One of the values of the access time; `isSet` false takes that value back.
  case accessTime(MountAttributes, isSet: Bool)
  /// The same for the mount and all below it.
  case recursiveAttribute(MountAttributes, isSet: Bool)
  case recursiveAccessTime(MountAttributes)
  case propagation(MountPropagation, isRecursive: Bool)
  /// A flag that every file system takes (sync and its kin), and its opposite.
  case superblock(String, isSet: Bool)
  /// A flag that mount(2) alone can pass on.
  case legacy(UInt, isSet: Bool)
  case bind(isRecursive: Bool)
  case remount
  case copyUp
  case idMap(isRecursive: Bool)
  case copySymlink
  case sourceNoFollow
  case destinationNoFollow
  /// Says what is so without it.
  case noEffect

  /// The option of that name; nil is one that the file system has to know.
  static func named(_ name: String) -> MountOption? {
    for entry in table where entry.name == name { return entry.option }
    return nil
  }

  /// The names of all options that no file system has to know, sorted: what `features` lists.
  static var names: [String] { table.map(\.name).sorted() }

  /// In the order in which they are asked for most.
  private static let table: [(name: String, option: MountOption)] = [
    ("nosuid", .attribute(.noSUID, isSet: true)),
    ("nodev", .attribute(.noDevices, isSet: true)),
    ("noexec", .attribute(.noExec, isSet: true)),
    ("ro", .attribute(.readOnly, isSet: true)),
    ("rbind", .bind(isRecursive: true)),
    ("rprivate", .propagation(.private, isRecursive: true)),
    ("bind", .bind(isRecursive: false)),
    ("rw", .attribute(.readOnly, isSet: false)),
    ("strictatime", .accessTime(.strictAccessTime, isSet: true)),
    ("relatime", .accessTime(.relativeAccessTime, isSet: true)),
    ("private", .propagation(.private, isRecursive: false)),
    ("rslave", .propagation(.slave, isRecursive: true)),
    ("slave", .propagation(.slave, isRecursive: false)),
    ("rshared", .propagation(.shared, isRecursive: true)),
    ("shared", .propagation(.shared, isRecursive: false)),
    ("runbindable", .propagation(.unbindable, isRecursive: true)),
    ("unbindable", .propagation(.unbindable, isRecursive: false)),
    ("tmpcopyup", .copyUp),
    ("suid", .attribute(.noSUID, isSet: false)),
    ("dev", .attribute(.noDevices, isSet: false)),
    ("exec", .attribute(.noExec, isSet: false)),
    ("noatime", .accessTime(.noAccessTime, isSet: true)),
    ("atime", .accessTime(.noAccessTime, isSet: false)),
    ("norelatime", .accessTime(.relativeAccessTime, isSet: false)),
    ("nostrictatime", .accessTime(.strictAccessTime, isSet: false)),
    ("nodiratime", .attribute(.noDirectoryTime, isSet: true)),
    ("diratime", .attribute(.noDirectoryTime, isSet: false)),
    ("nosymfollow", .attribute(.noSymlinks, isSet: true)),
    ("symfollow", .attribute(.noSymlinks, isSet: false)),
    ("rro", .recursiveAttribute(.readOnly, isSet: true)),
    ("rrw", .recursiveAttribute(.readOnly, isSet: false)),
    ("rnosuid", .recursiveAttribute(.noSUID, isSet: true)),
    ("rsuid", .recursiveAttribute(.noSUID, isSet: false)),
    ("rnodev", .recursiveAttribute(.noDevices, isSet: true)),
    ("rdev", .recursiveAttribute(.noDevices, isSet: false)),
    ("rnoexec", .recursiveAttribute(.noExec, isSet: true)),
    ("rexec", .recursiveAttribute(.noExec, isSet: false)),
    ("rnodiratime", .recursiveAttribute(.noDirectoryTime, isSet: true)),
    ("rdiratime", .recursiveAttribute(.noDirectoryTime, isSet: false)),
    ("rnosymfollow", .recursiveAttribute(.noSymlinks, isSet: true)),
    ("rsymfollow", .recursiveAttribute(.noSymlinks, isSet: false)),
    ("rrelatime", .recursiveAccessTime(.relativeAccessTime)),
    ("rnostrictatime", .recursiveAccessTime(.relativeAccessTime)),
    ("ratime", .recursiveAccessTime(.relativeAccessTime)),
    ("rnoatime", .recursiveAccessTime(.noAccessTime)),
    ("rstrictatime", .recursiveAccessTime(.strictAccessTime)),
    ("rnorelatime", .recursiveAccessTime(.strictAccessTime)),
    ("sync", .superblock("sync", isSet: true)),
    ("async", .superblock("sync", isSet: false)),
    ("dirsync", .superblock("dirsync", isSet: true)),
    ("lazytime", .superblock("lazytime", isSet: true)),
    ("nolazytime", .superblock("lazytime", isSet: false)),
    ("mand", .superblock("mand", isSet: true)),
    ("nomand", .superblock("mand", isSet: false)),
    ("acl", .legacy(CL_MS_POSIXACL, isSet: true)),
    ("noacl", .legacy(CL_MS_POSIXACL, isSet: false)),
    ("iversion", .legacy(CL_MS_I_VERSION, isSet: true)),
    ("noiversion", .legacy(CL_MS_I_VERSION, isSet: false)),
    ("remount", .remount),
    ("idmap", .idMap(isRecursive: false)),
    ("ridmap", .idMap(isRecursive: true)),
    ("copy-symlink", .copySymlink),
    ("src-nofollow", .sourceNoFollow),
    ("dest-nofollow", .destinationNoFollow),
    ("defaults", .noEffect),
    // The file system's own messages go to the error that swrun reports.
    ("silent", .noEffect),
    ("loud", .noEffect),
  ]
}
