internal import CLinux
internal import Linux

/// What may be mounted on /proc and below it: with a file of the caller's choice in the place of
/// another, what is written to the process's attributes would go elsewhere (CVE-2019-16884,
/// CVE-2019-19921).
enum ProcMountRule {
  /// The files that lxcfs and its kin replace, as runc lists them.
  private static let replaceable: [String] = [
    "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
    "net/dev", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled",
  ]

  static func check(_ destination: String) throws(RuntimeError) {
    guard RootPath.isBelowOrEqual(destination, "proc"), destination != "proc" else { return }
    if replaceable.contains(String(destination.dropFirst(5))) { return }
    throw RuntimeError(
      "destination /\(destination): nothing may be mounted there, inside /proc",
      advice: "allowed are /proc/\(replaceable.joined(separator: ", /proc/"))")
  }

  /// A bind mount on /proc itself has to be of a proc.
  static func checkSource(
    _ destination: String, _ tree: borrowing MountTree, _ source: String
  ) throws(RuntimeError) {
    guard destination == "proc" else { return }
    let magic = cl_filesystem_magic(tree.descriptor.rawValue)
    if magic != Int(PROC_SUPER_MAGIC) {
      throw RuntimeError(
        "source \(source): is not of type proc, and the destination is /proc",
        advice: "mount the type proc on /proc")
    }
  }
}
