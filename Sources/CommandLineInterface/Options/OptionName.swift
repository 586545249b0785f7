/// Every long option of every verb; the raw value is its spelling without the dashes.
public enum OptionName: String, CaseIterable, Sendable {
  // Global.
  case root, log, debug, rootless, criu, version, help, usage
  case logFormat = "log-format"
  case systemdCgroup = "systemd-cgroup"
  case cgroupManager = "cgroup-manager"

  case container, vm, isolation, engine, kernel, policy

  // The bundle, and who runs it.
  case bundle, config, trace
  case consoleSocket = "console-socket"
  case pidFile = "pid-file"
  case pidfdSocket = "pidfd-socket"
  case noPivot = "no-pivot"
  case noNewKeyring = "no-new-keyring"
  case noSubreaper = "no-subreaper"
  case preserveFDs = "preserve-fds"
  case detach, keep

  // A container without a config.json.
  case rootfs, volume, cpus, pids
  case readOnly = "read-only"

  // The process of exec.
  case process, tty, user, cwd, env, cap, apparmor, cgroup
  case additionalGIDs = "additional-gids"
  case processLabel = "process-label"
  case noNewPrivileges = "no-new-privs"
  case ignorePaused = "ignore-paused"

  // What kill, delete, list, ps, events and spec take.
  case all, regex, force, format, quiet, interval, stats, file

  // The resources of update.
  case resources, memory
  case blockIOWeight = "blkio-weight"
  case cpuPeriod = "cpu-period"
  case cpuQuota = "cpu-quota"
  case cpuBurst = "cpu-burst"
  case cpuShare = "cpu-share"
  case cpuIdle = "cpu-idle"
  case cpuRealtimePeriod = "cpu-rt-period"
  case cpuRealtimeRuntime = "cpu-rt-runtime"
  case cpusetCPUs = "cpuset-cpus"
  case cpusetMems = "cpuset-mems"
  case memoryReservation = "memory-reservation"
  case memorySwap = "memory-swap"
  case kernelMemory = "kernel-memory"
  case kernelMemoryTCP = "kernel-memory-tcp"
  case pidsLimit = "pids-limit"
  case l3CacheSchema = "l3-cache-schema"
  case memoryBandwidthSchema = "mem-bw-schema"
}
