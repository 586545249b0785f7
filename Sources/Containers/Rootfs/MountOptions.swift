internal import Linux

/// The options of one mount, sorted by what the kernel has to be told and by which call
/// (config.md "Mounts", mount(8)).
struct MountOptions: Equatable {
  /// Flags to set and to clear; a flag is in one of the two at most.
  struct Change: Equatable {
    var set: MountAttributes = []
    var clear: MountAttributes = []

    var isEmpty: Bool { self.set.isEmpty && clear.isEmpty }

    /// The last option that names a flag wins.
    mutating func apply(_ flag: MountAttributes, isSet: Bool) {
      if isSet {
        set.formUnion(flag)
        clear.subtract(flag)
      } else {
        set.subtract(flag)
        clear.formUnion(flag)
      }
    }

    /// The kernel wants the whole field cleared for any of its values.
    mutating func apply(accessTime: MountAttributes) {
      set.subtract(.accessTimeMask)
      set.formUnion(accessTime)
      clear.formUnion(.accessTimeMask)
    }
  }

  struct PropagationChange: Equatable {
    let propagation: MountPropagation
    let isRecursive: Bool
  }

  /// Of the mount itself.
  var attributes = Change()
  /// Of the mount and all below it.
  var recursiveAttributes = Change()
  /// In the order in which they are made: `slave` and then `shared` is both.
  var propagations: [PropagationChange] = []
  /// Flags that every file system takes, such as `sync`.
  var superblockFlags: [String] = []
  /// MS_ flags that only mount(2) passes on.
  var legacyFlags: UInt = 0
  /// What the file system has to know, such as `size=64m`.
  var data: [String] = []
  var isBind = false
  var isRecursiveBind = false
  var isRemount = false
  /// Copies what the mount hides into the new tmpfs.
  var copiesUp = false
  var idMap: IDMap?
  /// A symbolic link as the source is made anew at the destination (crun(1)).
  var copiesSymlink = false
  /// A symbolic link as the source, or as the destination, is the thing itself.
  var sourceFollows = true
  var destinationFollows = true

  /// `ro` holds for what is below as well: set by the plan where the host's own would show.
  var restrictsRecursively = false

  /// The ids of the mount are shifted.
  struct IDMap: Equatable {
    var isRecursive = false
    /// The mapping in crun's syntax; nil is that of `uidMappings` or of the container.
    var mappings: IDMapOption?
  }

  var isReadOnly: Bool {
    attributes.set.union(recursiveAttributes.set).contains(.readOnly)
  }

  init() {}

  init(_ options: [String]) throws(RuntimeError) {
    for option in options { try add(option) }
  }

  private mutating func add(_ option: String) throws(RuntimeError) {
    guard let known = MountOption.named(option) else { return try addUnnamed(option) }
    switch known {
    case .attribute(let flag, let isSet): attributes.apply(flag, isSet: isSet)
    case .accessTime(let value, isSet: true): attributes.apply(accessTime: value)
    case .accessTime(let value, isSet: false):
      // Takes back that value alone: what is left is the default.
      if attributes.set.intersection(.accessTimeMask) == value {
        attributes.set.subtract(.accessTimeMask)
        attributes.clear.subtract(.accessTimeMask)
      }
    case .recursiveAttribute(let flag, let isSet): recursiveAttributes.apply(flag, isSet: isSet)
    case .recursiveAccessTime(let value): recursiveAttributes.apply(accessTime: value)
    case .propagation(let propagation, let isRecursive):
      propagations.append(PropagationChange(propagation: propagation, isRecursive: isRecursive))
    case .superblock(let flag, let isSet):
      superblockFlags.removeAll { $0 == flag }
      if isSet { superblockFlags.append(flag) }
    case .legacy(let flag, let isSet):
      legacyFlags = isSet ? legacyFlags | flag : legacyFlags & ~flag
    case .bind(let isRecursive):
      isBind = true
      if isRecursive { isRecursiveBind = true }
    case .remount: isRemount = true
    case .copyUp: copiesUp = true
    case .idMap(let isRecursive): idMap = IDMap(isRecursive: isRecursive)
    case .copySymlink: copiesSymlink = true
    case .sourceNoFollow: sourceFollows = false
    case .destinationNoFollow: destinationFollows = false
    case .noEffect: break
    }
  }

  private mutating func addUnnamed(_ option: String) throws(RuntimeError) {
    for (prefix, isRecursive) in [("idmap=", false), ("ridmap=", true)]
    where option.utf8.starts(with: prefix.utf8) {
      idMap = IDMap(
        isRecursive: isRecursive,
        mappings: try IDMapOption(Substring(option.utf8.dropFirst(prefix.utf8.count))))
      return
    }
    data.append(option)
  }

  /// Fails when the options contradict the kind of mount, with what the caller calls the mount.
  func check(isBind: Bool, type: String?) throws(RuntimeError) {
    if isBind, let option = data.first {
      throw RuntimeError(
        "option \(option): a bind mount has no file system options",
        advice: "remove the option, or give the mount the type of its file system")
    }
    if isBind, let flag = superblockFlags.first {
      throw RuntimeError(
        "option \(flag): is of the file system, and a bind mount is of one that is mounted",
        advice: "remove the option")
    }
    if copiesUp, isBind || type != "tmpfs" {
      throw RuntimeError(
        "option tmpcopyup: is for type tmpfs only, not \(isBind ? "a bind mount" : type ?? "none")")
    }
    if idMap != nil, !isBind {
      throw RuntimeError(
        "option idmap: only a bind mount can be id-mapped, not type \(type ?? "none")")
    }
    if copiesSymlink || !sourceFollows, !isBind {
      throw RuntimeError(
        "option \(copiesSymlink ? "copy-symlink" : "src-nofollow"): is for bind mounts only")
    }
    if isRemount, idMap != nil || copiesUp || copiesSymlink {
      throw RuntimeError("option remount: changes a mount that exists, it cannot be combined")
    }
  }
}
