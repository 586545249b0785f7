import CHarness
import Foundation
import Harness

/// One config that all runtimes are given, and how its probe is started.
struct Case: Sendable, CustomStringConvertible {
  let name: String
  var options: [String] = []
  var terminal = false
  /// The probe runs by `exec` with these options in a container of this config.
  var exec: [String]?
  var edit: @Sendable (inout Config, Sandbox) throws -> Void = { _, _ in }

  var description: String { name }

  init(
    _ name: String, options: [String] = [], terminal: Bool = false, exec: [String]? = nil,
    _ edit: @escaping @Sendable (inout Config, Sandbox) throws -> Void = { _, _ in }
  ) {
    self.name = name
    self.options = options
    self.terminal = terminal
    self.exec = exec
    self.edit = edit
  }

  static let all = process + namespaces + mounts + linux + resources + combined + execs

  static let process: [Case] = [
    Case("default"),
    Case("exit-code") { config, _ in config.args("/bin/probe", "42") },
    Case("arguments") { config, _ in config.args("probe", "", "a b", "ü", "3") },
    Case("user") { config, _ in
      config["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [5, 2000]]
    },
    Case("user-unknown") { config, _ in config["process.user"] = ["uid": 4242, "gid": 4243] },
    Case("umask") { config, _ in
      config["process.user"] = ["uid": 0, "gid": 0, "umask": 0o77]
    },
    Case("cwd") { config, _ in config["process.cwd"] = "/etc" },
    Case("environment") { config, _ in
      config["process.env"] = ["PATH=/bin", "HOME=/nowhere", "EMPTY=", "EQUALS=a=b", "TWICE=1"]
    },
    Case("capabilities-all-sets") { config, _ in
      config.capabilities(["CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT"])
    },
    Case("capabilities-none") { config, _ in config["process.capabilities"] = nil },
    Case("capabilities-empty") { config, _ in config.capabilities([]) },
    Case("capabilities-ambient-user") { config, _ in
      config["process.user"] = ["uid": 1000, "gid": 1000]
      config.capabilities(["CAP_NET_BIND_SERVICE"])
    },
    Case("capabilities-bounding-only") { config, _ in
      config.capabilities([])
      config.capabilities(["CAP_CHOWN"], in: ["bounding"])
    },
    Case("new-privileges") { config, _ in config["process.noNewPrivileges"] = false },
    Case("rlimits") { config, _ in
      config["process.rlimits"] = [
        ["type": "RLIMIT_CORE", "soft": 0, "hard": 4096] as [String: Any],
        ["type": "RLIMIT_CPU", "soft": 100, "hard": 200],
        ["type": "RLIMIT_FSIZE", "soft": 1 << 20, "hard": 1 << 21],
        ["type": "RLIMIT_NPROC", "soft": 50, "hard": 60],
        ["type": "RLIMIT_STACK", "soft": 1 << 20, "hard": 1 << 22],
      ]
    },
    Case("no-rlimits") { config, _ in config["process.rlimits"] = nil },
    Case("oom-score") { config, _ in config["process.oomScoreAdj"] = 500 },
    Case("terminal", terminal: true) { config, _ in config["process.terminal"] = true },
    Case("terminal-user", terminal: true) { config, _ in
      config["process.terminal"] = true
      config["process.user"] = ["uid": 1000, "gid": 1000]
    },
    Case("no-new-keyring", options: ["--no-new-keyring"]),
    Case("no-pivot", options: ["--no-pivot"]),
  ]

  static let namespaces: [Case] = [
    Case("no-pid-namespace") { config, _ in config.dropNamespace("pid") },
    Case("no-network-namespace") { config, _ in
      config.dropNamespace("network")
      config.dropMount("/sys/fs/cgroup")
      config.changeMount("/sys") {
        $0["type"] = "bind"
        $0["source"] = "/sys"
        $0["options"] = ["rbind", "nosuid", "noexec", "nodev", "ro"]
      }
    },
    Case("no-ipc-namespace") { config, _ in
      config.dropNamespace("ipc")
      config.dropMount("/dev/mqueue")
    },
    Case("no-uts-namespace") { config, _ in
      config.dropNamespace("uts")
      config["hostname"] = nil
    },
    Case("cgroup-namespace") { config, _ in config.namespace("cgroup") },
    Case("user-namespace") { config, box in
      config.namespace("user")
      let mapping = [["containerID": 0, "hostID": 100_000, "size": 5000]]
      config["linux.uidMappings"] = mapping
      config["linux.gidMappings"] = mapping
    },
    Case("joined-namespaces") { config, box in
      // Each runtime joins the namespaces of the same process of the host.
      let holder = try Holder.shared.pid
      for (type, link) in [("network", "net"), ("ipc", "ipc"), ("uts", "uts")] {
        config.namespace(type, path: "/proc/\(holder)/ns/\(link)")
      }
      config["hostname"] = nil
    },
    Case("hostname-empty") { config, _ in config["hostname"] = "" },
  ]

  static let execs: [Case] = [
    Case("exec", exec: []),
    Case("exec-user", exec: ["--user", "1000:2000"]),
    Case("exec-directory-and-environment", exec: ["--cwd", "/etc", "--env", "EXTRA=1"]),
    Case("exec-capability", exec: ["--cap", "CAP_CHOWN"]),
    Case("exec-terminal", terminal: true, exec: ["--tty"]),
    Case("exec-in-a-tuned-container", exec: []) { config, _ in
      config["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [2000]]
      config["process.cwd"] = "/tmp"
      config["process.oomScoreAdj"] = 321
      config.namespace("cgroup")
      config.capabilities(["CAP_CHOWN"])
      config["linux.seccomp"] = Case.filter(["chmod", "fchmodat"])
    },
    Case("exec-in-a-user-namespace", exec: []) { config, _ in
      config.namespace("user")
      let mapping = [["containerID": 0, "hostID": 100_000, "size": 5000]]
      config["linux.uidMappings"] = mapping
      config["linux.gidMappings"] = mapping
    },
  ]

  static func filter(_ names: [String], errno: Int = 1) -> [String: Any] {
    [
      "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
      "syscalls": [
        ["names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno] as [String: Any]
      ],
    ]
  }
}

/// A process of the host in new namespaces that containers join; one a run.
final class Holder: @unchecked Sendable {
  private let child: Child
  let pid: Int32

  static let result = Result { try Holder() }
  static var shared: Holder { get throws { try result.get() } }

  private init() throws {
    child = try Child(
      [
        "/usr/bin/unshare", "--net", "--ipc", "--uts", "/bin/sh", "-c",
        "hostname joined; echo up; exec sleep 100000",
      ],
      environment: ["PATH": "/usr/bin:/bin", "SWRUN_TEST": "holder"])
    try child.expect("up")
    pid = child.pid
    atexit { if let holder = try? Holder.shared { kill(holder.pid, SIGKILL) } }
  }
}
