import Foundation
import Harness
import Testing

/// What config.json asks for holds in the guest: one machine, all of its values.
extension Machines {
  @Suite struct Enforcement {
    static let report = """
      cat /proc/self/status
      echo "hostname $(hostname)"
      echo "directory $(pwd)"
      echo "environment $GREETING"
      echo "arguments $0 $*"
      echo "files $(ulimit -Sn) $(ulimit -Hn)"
      echo "memory $(cat /sys/fs/cgroup/memory.max)"
      echo "processes $(cat /sys/fs/cgroup/pids.max)"
      echo "sysctl $(cat /proc/sys/net/ipv4/ip_default_ttl) $(cat /proc/sys/kernel/shmmax)"
      echo "kcore $(cat /proc/kcore | wc -c)"
      echo "masked $(ls /sys/firmware | wc -l)"
      (echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo "sys written" || echo "sys refused"
      chmod 700 /dev/shm 2>&1 | sed 's/.*: /chmod /'
      mkdir /dev/shm/made 2>&1 | sed 's/.*: /mkdir /'
      touch /x 2>&1 | sed 's/.*: /root /'
      echo "scratch $(df -k /scratch | tail -n 1 | awk '{print $2}') $(stat -c %a /scratch)"
      head -c 2000000 /dev/zero 2>/dev/null > /scratch/big; echo "held $(stat -c %s /scratch/big)"
      echo "device $(stat -c '%t:%T %a %u:%g' /dev/fuse2)"
      head -c 4 /dev/zero | wc -c | sed 's/^/zero /'
      (head -c 1 /dev/fuse2 > /dev/null) 2>&1 | sed 's/.*: /open /'
      echo "network $(ls /sys/class/net)"
      cat /proc/self/mountinfo
      exit 42
      """

    @Test func everyValueOfTheConfiguration() throws {
      try withSandbox { box in
        let result = try box.runMachine {
          $0["process.user"] =
            ["uid": 1000, "gid": 2000, "additionalGids": [5, 44], "umask": 0o27] as [String: Any]
          $0["process.cwd"] = "/etc"
          $0["process.oomScoreAdj"] = 300
          $0.env("GREETING=hello  two")
          $0["process.rlimits"] =
            [["type": "RLIMIT_NOFILE", "soft": 256, "hard": 512] as [String: Any]]
          $0.capabilities(["CAP_NET_BIND_SERVICE", "CAP_KILL"], in: ["bounding", "permitted"])
          $0.capabilities(["CAP_NET_BIND_SERVICE"], in: ["effective", "inheritable", "ambient"])
          $0["hostname"] = "in-the-guest"
          $0["linux.resources.memory"] = ["limit": 100 << 20]
          $0["linux.resources.pids"] = ["limit": 64]
          $0["linux.sysctl"] = ["net.ipv4.ip_default_ttl": "77", "kernel.shmmax": "1234567"]
          $0["linux.seccomp"] =
            [
              "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
              "syscalls": [
                ["names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 18],
                ["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"],
              ] as [[String: Any]],
            ] as [String: Any]
          $0["linux.devices"] = [
            [
              "path": "/dev/fuse2", "type": "c", "major": 10, "minor": 229, "fileMode": 0o666,
              "uid": 1000, "gid": 5,
            ] as [String: Any]
          ]
          $0.tmpfs("/scratch", "size=1m", "mode=1777")
          $0.namespace("cgroup")
          $0.args("/bin/sh", "-c", Self.report, "name", "one", "two words")
        }
        #expect(result.code == 42, "\(result)")
        if result.code == 42 { check(result) }
      }
    }

    private func check(_ result: Outcome) {
      let status = ProcStatus(result.out)
      #expect(status.list("Uid") == [1000, 1000, 1000, 1000])
      #expect(status.list("Gid") == [2000, 2000, 2000, 2000])
      #expect(Set(status.list("Groups")).isSuperset(of: [5, 44]))
      #expect(status["Umask"] == "0027")
      #expect(status["NoNewPrivs"] == "1" && status["Seccomp"] == "2")
      #expect(status.capabilities("CapBnd") == [5, 10])
      #expect(status.capabilities("CapPrm").contains(10))
      for set in ["CapEff", "CapInh", "CapAmb"] {
        #expect(status.capabilities(set) == [10], "\(set)")
      }
      for line in [
        "hostname in-the-guest", "directory /etc", "environment hello  two",
        "arguments name one two words", "files 256 512", "memory \(100 << 20)", "processes 64",
        "sysctl 77 1234567", "kcore 0", "masked 0", "sys refused",
        "chmod Invalid cross-device link", "mkdir Operation not permitted",
        "root Read-only file system", "scratch 1024 1777", "held \(1 << 20)",
        "device a:e5 666 1000:5", "zero 4", "open Operation not permitted", "network lo",
      ] {
        #expect(result.lines.contains(line), "\(line): \(result)")
      }
      let mounts = MountEntry.parse(result.out)
      #expect(mounts.first?.point == "/" && mounts.first?.type == "virtiofs")
      #expect(mounts.at("/sys")?.options.contains("ro") == true)
      #expect(mounts.at("/dev/shm")?.options.contains("noexec") == true)
      #expect(!result.out.contains("/run/swrun"), "nothing of the agent's is seen")
    }
  }
}
