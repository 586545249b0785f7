public import CLinux
public import Linux

extension Cgroup {
  /// Moves the calling process into the cgroup; it must have one thread.
  ///
  /// For the child right after clone3, before it changes its credentials or unshares its cgroup
  /// namespace. `bornInUnified` says that it was cloned into `unifiedDirectory`.
  public func join(bornInUnified: Bool) throws(RuntimeError) {
    for directory in directories {
      if directory.version == .v2 && bornInUnified { continue }
      do throws(SystemError) {
        // A thread that moves itself by `tasks` needs no lock on all thread groups, and so no
        // RCU grace period (kernel/cgroup/cgroup.c, cgroup_attach_lock).
        try directory.write(directory.version == .v1 ? "tasks" : "cgroup.procs", "0")
      } catch {
        throw joinFailure(error, directory)
      }
    }
  }

  /// Moves the calling process, which has one thread, into the v1 cgroups of a placement, which
  /// exist by now and were found to be cgroups by whoever made them.
  public static func join(legacy placement: CgroupPlacement) throws(RuntimeError) {
    for directory in placement.directories {
      do throws(SystemError) {
        try FileDescriptor.open(
          directory.path + "/tasks", O_WRONLY, at: .workingDirectory,
          resolve: [.noSymlinks, .noMagicLinks]
        ).write("0", "tasks")
      } catch {
        // Once more, for the words that tell what was wrong.
        return try Cgroup(opening: placement).join(bornInUnified: false)
      }
    }
  }

  /// Moves a process with all its threads into the cgroup; slower than `join` in the process.
  public func add(pid: pid_t) throws(RuntimeError) {
    for directory in directories {
      do throws(SystemError) {
        try directory.write("cgroup.procs", String(decimal: Int(pid)))
      } catch {
        throw joinFailure(error, directory)
      }
    }
  }

  /// What the failure of a clone3 with `unifiedDirectory` means.
  public func cloneFailure(_ error: SystemError) -> RuntimeError {
    guard let unified else { return RuntimeError("clone3", error) }
    return joinFailure(error, unified)
  }

  private func joinFailure(_ error: SystemError, _ directory: CgroupDirectory) -> RuntimeError {
    RuntimeError(
      "cgroup \(directory.path): joining", error, advice: joinAdvice(error.errno, directory))
  }

  private func joinAdvice(_ errno: CInt, _ directory: CgroupDirectory) -> String? {
    if directory.version == .v2 {
      let type = directory.readIfPresent("cgroup.type") ?? ""
      if type != "" && type != "domain" {
        return "its cgroup.type is \(type): a threaded cgroup above it can hold no container;"
          + " choose another linux.cgroupsPath"
      }
      if errno == EBUSY || errno == EOPNOTSUPP,
        let enabled = directory.readIfPresent("cgroup.subtree_control"), !enabled.isEmpty
      {
        return "it has the controllers \(enabled) enabled for its children, and so can have no"
          + " processes itself; choose another linux.cgroupsPath"
      }
    }
    switch errno {
    case EACCES, EPERM:
      return "the caller may not move processes between its own cgroup and this one"
    case EAGAIN: return "linux.resources.pids.limit of this cgroup or of one above is reached"
    case ENOSPC where directory.controls("cpuset"): return "its cpuset.cpus or cpuset.mems is empty"
    case EINVAL where directory.controls("cpu"):
      return "a real-time process needs linux.resources.cpu.realtimeRuntime"
    case ENODEV: return "the cgroup was removed meanwhile"
    default: return nil
    }
  }
}

extension CgroupPlacement {
  /// The v2 directory alone.
  public var unified: CgroupPlacement { filter { $0.key.isEmpty } }

  /// The v1 directories alone.
  public var legacy: CgroupPlacement { filter { !$0.key.isEmpty } }

  private func filter(_ isIncluded: (Directory) -> Bool) -> CgroupPlacement {
    CgroupPlacement(
      directories: directories.filter(isIncluded), cgroupsPath: cgroupsPath, isUnified: isUnified)
  }
}
