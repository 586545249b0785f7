import Harness
import Testing

/// What the process inside sees is the same in a VM as in a container, but for its kernel.
extension Machines {
  @Suite struct SameReport {
    static let report = """
      echo "hostname $(hostname)"
      echo "environment $GREETING"
      id
      echo "pid $$"
      grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Umask|SigIgn|SigBlk)' /proc/self/status
      chmod 700 /tmp 2>&1
      touch /x 2>&1
      sed 's/^[0-9]* [0-9]* [0-9:]* [^ ]* //; s/ - \\([^ ]*\\) .*/ \\1/; s/ shared:[0-9]*//' /proc/self/mountinfo | cut -d' ' -f1 | sort
      ls /dev | grep -v ^ptmx
      ulimit -Sn
      ulimit -Hn
      ls /sys/class/net
      cat /proc/kcore 2>&1 | wc -c
      echo x 2>&1 > /proc/sys/kernel/hostname
      pwd
      exit 42
      """

    @Test(.extra("debian")) func theDebianBundle() throws {
      try withSandbox { box in
        let edit: (inout Config) -> Void = {
          $0["root.path"] = Machines.extra("debian")!
          $0.sh(
            "cat /etc/debian_version; perl -e 'print 6 * 7, qq(\\n)'; ls /; dpkg -l | wc -l; id")
        }
        let container = try box.run(edit)
        let machine = try box.runMachine { edit(&$0) }
        #expect(container.code == 0 && container.lines.contains("42"), "\(container)")
        #expect(machine.code == 0 && machine.lines == container.lines, "\(machine)")
      }
    }

    /// Where the host has v2 alone, as a guest; elsewhere MachineDifferences compares field by field.
    @Test(.v2) func aRestrictedProcess() throws {
      try withSandbox { box in
        let edit: (inout Config) -> Void = {
          $0["process.user"] = ["uid": 1000, "gid": 1000, "additionalGids": [5], "umask": 0o27]
          $0.env("GREETING=hello from config.json")
          $0["process.rlimits"] = [["type": "RLIMIT_NOFILE", "soft": 256, "hard": 512]]
          $0.capabilities(["CAP_NET_BIND_SERVICE", "CAP_KILL"], in: ["bounding", "permitted"])
          $0.capabilities(
            ["CAP_NET_BIND_SERVICE"], in: ["effective", "inheritable", "ambient"])
          $0["linux.resources.memory"] = ["limit": 128 << 20]
          $0["linux.resources.pids"] = ["limit": 64]
          $0["linux.seccomp"] = [
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [
              [
                "names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
              ] as [String: Any]
            ],
          ]
          $0.namespace("cgroup")
          $0.sh(Self.report)
        }
        let container = try box.run(edit)
        let machine = try box.runMachine { edit(&$0) }
        #expect(container.code == 42 && machine.code == 42, "\(container)\(machine)")
        #expect(machine.lines == container.lines)
      }
    }
  }
}
