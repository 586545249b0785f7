import CHarness
import Foundation
import Harness
import Testing

/// The jail of swrun-vmm, read from /proc of a running one, and what happens to who leaves it.
extension Machines {
  @Suite struct Jail {
    /// CHOWN, DAC_OVERRIDE, FOWNER, FSETID, SETGID, SETUID, MKNOD, SETFCAP (capability.h).
    static let fileServer: Set<Int> = [0, 1, 3, 4, 6, 7, 27, 31]
    static let kill = 5

    @Test func asProcShowsIt() throws {
      try withSandbox { box in
        let machine = try box.runningMachine { $0["root.readonly"] = false }
        let vmm = try machine.process()
        let threads = try VMMThread.all(of: vmm.pid)
        let ending: Set<Int> = machine.engine == "qemu" ? [Self.kill] : []
        var seen: Set<VMMThread.Role> = []
        for thread in threads {
          let role = try #require(thread.role, "thread \(thread.name)")
          seen.insert(role)
          let status = thread.status
          let allowed: Set<Int> =
            switch role {
            case .files: Self.fileServer
            case .device, .control: ending
            case .processor: []
            }
          #expect(status.capabilities("CapEff") == allowed, "\(thread.name)")
          #expect(status.capabilities("CapPrm") == allowed, "\(thread.name)")
          #expect(status.capabilities("CapInh").isEmpty && status.capabilities("CapAmb").isEmpty)
          #expect(status.capabilities("CapBnd") == Self.fileServer.union(ending), "\(thread.name)")
          #expect(status["NoNewPrivs"] == "1", "\(thread.name)")
          #expect(status["Seccomp"] == "2", "\(thread.name)")
          // The one for all, and that of its role. (The host's own may be there too.)
          #expect((status.list("Seccomp_filters").first ?? 0) >= 2, "\(thread.name)")
          #expect(status.list("Groups").isEmpty, "\(thread.name)")
        }
        let expected: Set<VMMThread.Role> =
          machine.engine == "kvm"
          ? [.processor, .device, .files, .control] : [.device, .files, .control]
        #expect(seen == expected, "\(threads.map(\.name))")
      }
    }

    /// Before the program runs: threads that wait, and others before their next request.
    @Test func readOnlySharesLeaveNoCapabilityToWrite() throws {
      try withSandbox { box in
        let machine = try box.runningMachine {
          $0["root.readonly"] = true
          $0.sh("while :; do cat /bin/busybox >/dev/null; ls -lR / >/dev/null 2>&1; done")
        }
        let pid = try machine.pid()
        let reader: Set<Int> = [1, 3]
        let isCut = try eventually(timeout: 60) {
          let files = try VMMThread.all(of: pid).filter { $0.role == .files }
          return files.count > 1
            && files.allSatisfy { $0.status.capabilities("CapPrm") == reader }
        }
        #expect(isCut)
      }
    }

    @Test func namespacesTreeAndLimits() throws {
      try withSandbox { box in
        let machine = try box.runningMachine()
        let vmm = try machine.process()
        let own = ProcessView(getpid())
        for kind in ["mnt", "pid", "ipc", "uts", "net"] {
          let inside = try #require(vmm.namespace(kind))
          #expect(inside != own.namespace(kind), "\(kind)")
        }
        let mounts = MountEntry.parse(Machine.read("/proc/\(vmm.pid)/mountinfo") ?? "")
        #expect(mounts.count == 1, "\(mounts)")
        let root = try #require(mounts.first)
        #expect(root.point == "/" && root.type == "tmpfs")
        for option in ["ro", "nosuid", "nodev", "noexec"] {
          #expect(root.options.contains(option), "\(root.options)")
        }
        #expect(root.propagation.isEmpty, "\(root)")
        let files = FileManager.default
        #expect(try files.contentsOfDirectory(atPath: "/proc/\(vmm.pid)/root/").isEmpty)
        #expect(open("/proc/\(vmm.pid)/root/new", O_CREAT | O_WRONLY, 0o600) < 0 && errno == EROFS)
        #expect(try files.destinationOfSymbolicLink(atPath: "/proc/\(vmm.pid)/cwd") == "/")
        let limits = Machine.read("/proc/\(vmm.pid)/limits") ?? ""
        #expect(Self.limit("Max core file size", in: limits) == ["0", "0"], "\(limits)")
        #expect(Self.limit("Max msgqueue size", in: limits) == ["0", "0"], "\(limits)")
        let descriptors = Self.limit("Max open files", in: limits).compactMap { Int($0) }
        #expect(descriptors.count == 2 && descriptors.allSatisfy { $0 <= 500_000 }, "\(limits)")
        // Not even its memory is anybody's who is not root.
        #expect(
          try files.attributesOfItem(atPath: "/proc/\(vmm.pid)/mem")[.ownerAccountID] as? Int == 0)
      }
    }

    @Test func descriptors() throws {
      try withSandbox { box in
        let machine = try box.runningMachine()
        let pid = try machine.pid()
        // Files of the host: the root share and what the guest has looked up in it, and the console.
        let expected = [
          "^(/dev)?/null$", "^pipe:", "^socket:",
          "^anon_inode:\\[(eventfd|eventpoll|signalfd|timerfd)\\]$",
          "^anon_inode:\\[?(kvm-vm|kvm-vcpu:\\d+|pidfd)\\]?$", "^pidfd:", "^/(dev/)?kvm$",
          "^/(\\d+|self)/fd$", "^/memfd:(memory|memory-backend-memfd)",
          "/console$", "/output$", "^/(bin|dev|proc|sys|tmp|etc|run|usr|var|root|home|lib)?(/.*)?$",
        ]
        for (number, target) in Self.openFiles(of: pid) {
          let isExpected = expected.contains {
            target.range(of: $0, options: .regularExpression) != nil
          }
          #expect(isExpected, "descriptor \(number): \(target)")
          for word in ["vmlinuz", "vmlinux", "initramfs", "memfd:plan", "memfd:request", "swrun"] {
            let isOurs = target.hasSuffix("/console") || target.hasSuffix("/output")
            #expect(isOurs || !target.contains(word), "descriptor \(number): \(target)")
          }
        }
      }
    }

    /// Each role refuses what another one is allowed, or what nobody is.
    @Test(arguments: [
      ("devices", 258, 0, "mkdirat"), ("fs-0", 41, 0, "socket"), ("swrun-vmm", 59, 0, "execve"),
      ("vcpu0", 42, 0, "connect"), ("devices", 9, 7, "mmap"), ("fs-0", 101, 0, "ptrace"),
    ]) func aForbiddenCallEndsTheMachine(
      thread: String, number: Int, third: Int, name: String
    ) throws {
      try withSandbox { box in
        let machine = try box.machine { $0.sh("echo up; while :; do sleep 0.1; done") }
        let run = try machine.start(foreground: [])
        try run.expect("up", timeout: 360)
        let pid = try machine.pid()
        guard let victim = try VMMThread.all(of: pid).first(where: { $0.name == thread }) else {
          // The engine qemu has its processors in a process of its own.
          #expect(thread == "vcpu0" && machine.engine == "qemu", "no thread \(thread)")
          return
        }
        try #require(ch_inject_call(victim.id, number, UInt(third)) == 0)
        let result = try run.finish(timeout: 60)
        #expect(result.code == 128 + SIGSYS, "\(result)")
        let words =
          "swrun: virtual machine: forbidden system call \(name) (\(number)) in thread \(thread)"
        #expect(result.err.contains(words), "\(result)")
        #expect(!ProcessView(pid).isAlive)
        #expect(!machine.hasState)
      }
    }

    private static func limit(_ name: String, in limits: String) -> [String] {
      guard let line = limits.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else {
        return []
      }
      return line.dropFirst(name.count).split(separator: " ").prefix(2).map(String.init)
    }

    private static func openFiles(of pid: Int32) -> [(Int, String)] {
      let directory = "/proc/\(pid)/fd"
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      return names.compactMap { name in
        // A descriptor of a request may be closed again.
        guard let number = Int(name),
          let target = try? FileManager.default.destinationOfSymbolicLink(
            atPath: "\(directory)/\(name)")
        else { return nil }
        return (number, target)
      }
    }
  }
}

/// A thread of swrun-vmm.
struct VMMThread {
  enum Role { case processor, device, files, control }

  let id: Int32
  let name: String
  let status: ProcStatus

  static func all(of pid: Int32) throws -> [VMMThread] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").map { name in
      let status = ProcStatus(Machine.read("/proc/\(pid)/task/\(name)/status") ?? "")
      return VMMThread(id: Int32(name) ?? -1, name: status["Name"] ?? "", status: status)
    }
  }

  var role: Role? {
    if name.hasPrefix("vcpu") { return .processor }
    if name.hasPrefix("fs-") { return .files }
    return ["devices": .device, "swrun-vmm": .control][name]
  }
}

extension Container {
  /// The engine that runs this virtual machine.
  var engine: String {
    ((try? state())?["machine"] as? [String: Any])?["engine"] as? String ?? "none"
  }
}
