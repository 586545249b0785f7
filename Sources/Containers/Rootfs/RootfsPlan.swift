internal import CLinux
internal import Linux
internal import OCISpec

/// A container's file system before it exists: every mount checked and its options sorted, and
/// open what the process behind the clone could not open itself.
///
/// Made by the runtime with the host's rights and in the host's mount namespace;
/// `RootfsBuilder` does the rest behind the clone.
final class RootfsPlan {
  /// What the container's process is going to be, as far as its file system depends on it.
  struct Surroundings {
    /// New or joined: the process has no rights outside of its own ids.
    var hasUserNamespace = false
    var hasMountNamespace = true
    var hasCgroupNamespace = false
    /// The root is moved rather than pivoted (`--no-pivot`).
    var noPivot = false
  }

  /// One entry of `mounts`.
  struct Entry {
    enum Kind: Equatable {
      case bind(source: String)
      /// A file system of its own, by type; the source is what mountinfo shows.
      case filesystem(type: String, source: String?)
      /// cgroup, or cgroup2: what the host's layout makes of it.
      case cgroup(type: String)
      case remount
    }

    let index: Int
    var kind: Kind
    /// Without a leading slash and without `..`.
    let destination: String
    var options: MountOptions
    /// The tree of a bind mount that the runtime has cloned; nil is cloned behind the clone.
    var tree: SharedDescriptor?

    /// As faults name it.
    var name: String { "mounts[\(index)]" }
  }

  /// The absolute path of the root directory on the host.
  let path: String
  let surroundings: Surroundings
  let isReadOnly: Bool
  let propagation: Spec.Linux.Propagation?
  let entries: [Entry]
  let devices: DevicePlan
  let maskedPaths: [String]
  let readonlyPaths: [String]
  let sysctls: [Sysctl]
  let mountLabel: String?
  /// The group ids of the user namespace, where it is new: devpts may lack the group tty.
  let gidMappings: [Spec.IDMapping]
  /// The root file system, cloned with the runtime's rights; nil is cloned behind the clone.
  let tree: SharedDescriptor?
  /// The configured device nodes of a container that cannot make any, in a file system of their
  /// own, by their index in `devices.configured`.
  let nodes: SharedDescriptor?

  /// One kernel parameter.
  struct Sysctl {
    let name: String
    let path: String
    let value: String
  }

  /// `rootfs` and `bundle` are absolute; relative sources of bind mounts start at the bundle.
  init(
    _ spec: Spec, rootfs: String, bundle: String, _ surroundings: Surroundings
  ) throws(RuntimeError) {
    path = rootfs
    self.surroundings = surroundings
    isReadOnly = spec.root?.readonly ?? false
    propagation = spec.linux.rootfsPropagation
    devices = try DevicePlan(spec.linux.devices)
    maskedPaths = try Self.paths(spec.linux.maskedPaths, "linux.maskedPaths")
    readonlyPaths = try Self.paths(spec.linux.readonlyPaths, "linux.readonlyPaths")
    gidMappings = spec.linux.gidMappings
    mountLabel = try MountLabel.check(spec.linux.mountLabel)
    sysctls = try Self.sysctls(spec.linux)
    if !surroundings.hasMountNamespace { try Self.checkWithoutNamespace(spec) }
    var entries: [Entry] = []
    entries.reserveCapacity(spec.mounts.count)
    for (index, mount) in spec.mounts.enumerated() {
      var entry = try Self.entry(mount, index, bundle)
      if HostSys.needsRecursiveRestriction(entry, surroundings) {
        entry.options.restrictsRecursively = true
      }
      entries.append(entry)
    }
    let sources = HostSources(
      surroundings, uids: spec.linux.uidMappings, gids: spec.linux.gidMappings)
    for index in entries.indices {
      entries[index].tree = try sources.open(entries[index], spec.mounts[entries[index].index])
    }
    self.entries = entries
    tree = try sources.openRoot(rootfs)
    nodes = try sources.makeNodes(devices)
  }

  private static func entry(
    _ mount: Spec.Mount, _ index: Int, _ bundle: String
  ) throws(RuntimeError) -> Entry {
    do {
      return try sorted(mount, index, bundle)
    } catch {
      throw error.inside("mounts[\(index)]")
    }
  }

  private static func sorted(
    _ mount: Spec.Mount, _ index: Int, _ bundle: String
  ) throws(RuntimeError) -> Entry {
    for text in [mount.destination, mount.type ?? "", mount.source ?? ""] + mount.options {
      try RootPath.checkText(text)
    }
    var options = try MountOptions(mount.options)
    // A mapping without the option asks for one as well (config.md, "idmap").
    if !mount.uidMappings.isEmpty, options.idMap == nil { options.idMap = MountOptions.IDMap() }
    let isBind = options.isBind || mount.type == "bind"
    try options.check(isBind: isBind, type: mount.type)
    let destination = RootPath.cleaned(mount.destination)
    if destination.isEmpty {
      throw RuntimeError(
        "destination \(mount.destination): is the root file system itself",
        advice: "mount below it, or make it root.path")
    }
    let kind: Entry.Kind
    if options.isRemount {
      kind = .remount
    } else if isBind {
      guard let source = mount.source else {
        throw RuntimeError("source: is missing", advice: "a bind mount needs a source")
      }
      kind = .bind(source: source.utf8.first == UInt8(ascii: "/") ? source : "\(bundle)/\(source)")
    } else if let type = mount.type, type != "none" {
      kind =
        type == "cgroup" || type == "cgroup2"
        ? .cgroup(type: type) : .filesystem(type: type, source: mount.source)
    } else {
      throw RuntimeError(
        "type: is missing", advice: "name a file system, or give the option bind or rbind")
    }
    return Entry(
      index: index, kind: kind, destination: destination, options: options, tree: nil)
  }

  private static func paths(
    _ list: [String], _ name: String
  ) throws(RuntimeError) -> [String] {
    var result: [String] = []
    result.reserveCapacity(list.count)
    for (index, path) in list.enumerated() {
      do {
        try RootPath.checkText(path)
      } catch {
        throw error.inside("\(name)[\(index)]")
      }
      result.append(RootPath.cleaned(path))
    }
    return result
  }

  private static func sysctls(_ linux: Spec.Linux) throws(RuntimeError) -> [Sysctl] {
    var result: [Sysctl] = []
    for (name, value) in linux.sysctl.sorted(by: { $0.key < $1.key }) {
      guard let sysctl = Spec.Linux.Sysctl(name) else {
        throw RuntimeError("linux.sysctl: \(name): is not the name of a kernel parameter")
      }
      result.append(
        Sysctl(
          name: name, path: "sys/" + sysctl.components.joined(separator: "/"), value: value))
    }
    return result
  }

  /// Without a mount namespace every mount would be one of the host.
  private static func checkWithoutNamespace(_ spec: Spec) throws(RuntimeError) {
    let what: String
    if !spec.mounts.isEmpty {
      what = "mounts"
    } else if !spec.linux.maskedPaths.isEmpty {
      what = "linux.maskedPaths"
    } else if !spec.linux.readonlyPaths.isEmpty {
      what = "linux.readonlyPaths"
    } else if spec.root?.readonly == true {
      what = "root.readonly"
    } else if spec.linux.rootfsPropagation != nil {
      what = "linux.rootfsPropagation"
    } else {
      return
    }
    throw RuntimeError(
      "\(what): needs a mount namespace, or it would change the host",
      advice: "add the type mount to linux.namespaces")
  }
}

extension RuntimeError {
  /// The same fault with the place it is in before it.
  func inside(_ place: String) -> RuntimeError {
    RuntimeError("\(place): \(message)", advice: advice, exitCode: exitCode)
  }
}
