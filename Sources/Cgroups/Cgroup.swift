internal import CLinux
public import JSON
public import Linux

/// A container's cgroup: its directories in all hierarchies, held open.
///
/// The order of a start: `CgroupLayout.detect`, `placement`, write the state file, `create`,
/// `clone3` with `unifiedDirectory`, `join` in the child, `apply` before or after the join.
/// Everything later starts from the state file with `init(opening:)`.
public struct Cgroup: ~Copyable {
  var directories: [CgroupDirectory]
  /// Whether the caller may lack the rights to make cgroups, and goes on without where nothing
  /// was asked for.
  let rootless: Bool
  /// Whether v2 is the only hierarchy of the machine.
  let isUnified: Bool
  /// The directories that were made for it, parents of its own among them.
  var made: [String] = []
  /// The hierarchies that a rootless caller could not make a cgroup in, and why.
  var refused: [(key: String, error: SystemError)] = []

  /// No cgroup: what a container has under `--cgroup-manager=disabled`.
  ///
  /// Every limit is an error, and it has no processes of its own to list.
  public init() {
    self.init(rootless: false, isUnified: false)
  }

  init(rootless: Bool, isUnified: Bool) {
    directories = []
    self.rootless = rootless
    self.isUnified = isUnified
  }

  /// Opens the cgroup that a state file recorded; directories that are gone are left out.
  public init(opening placement: CgroupPlacement, rootless: Bool = false) throws(RuntimeError) {
    self.init(rootless: rootless, isUnified: placement.isUnified)
    for directory in placement.directories {
      do throws(SystemError) {
        directories.append(try CgroupDirectory(opening: directory.path, key: directory.key))
      } catch {
        if error.errno == ENOENT { continue }
        throw RuntimeError("cgroup", error)
      }
    }
  }

  deinit {
    for directory in directories { _ = cl_close(directory.fd) }
  }

  /// The directories by hierarchy key, as `CgroupPlacement.paths`.
  public var paths: JSONTexts { JSONTexts(firstOf: directories.map { ($0.key, $0.path) }) }

  /// Removes what was made for a container that did not come to be, as far as nothing uses it.
  public mutating func removeMade() {
    Cgroup.removeEmpty(made)
    made = []
  }

  /// Removes directories that were made in this order, as far as nothing uses them.
  static func removeEmpty(_ made: [String]) {
    for path in made.reversed() { _ = unsafe cl_unlinkat(AT_FDCWD, path, AT_REMOVEDIR) }
  }

  /// Whether there is a cgroup in no hierarchy at all.
  public var isEmpty: Bool { directories.isEmpty }

  /// The v2 directory, for CLONE_INTO_CGROUP; nil when there is none.
  ///
  /// On a hybrid machine, too, this is the way in: a write to cgroup.procs waits for an RCU grace
  /// period (4 to 13 ms measured), being born there does not. The cgroup namespace must be
  /// unshared in the child after `join`, not in the same clone3, which would take the parent's
  /// cgroup for its root.
  public var unifiedDirectory: DirectoryReference? { unified?.reference }

  var unified: CgroupDirectory? { directories.first { $0.version == .v2 } }

  /// The v1 directory of a controller.
  func legacy(_ controller: String) -> CgroupDirectory? {
    directories.first { $0.controls(controller) }
  }
}

/// Whether a SystemError says that the caller has no right to do it here.
func isRefusal(_ errno: CInt) -> Bool { errno == EACCES || errno == EPERM || errno == EROFS }
