import CHarness
import Foundation
import Harness
import Testing

/// The holes that other runtimes had (the table of specs/security.md): each attack is mounted and
/// seen to fail. Some work on Debian's runc and crun, which shows the tests. What an attack must not reach is a directory of the host with a known secret.
@Suite(.root, .swrunOnly) struct Security {
  static let secret = "the-secret-of-the-host"

  // MARK: CVE-2019-5736: the runtime's binary overwritten through /proc/PID/exe

  @Test func theRuntimesBinaryCannotBeOverwritten() throws {
    try withSandbox { box in
      let binary = box.path("runtime")
      try ExecutableFile.copy(Runtime.path, to: binary)
      let before = try host("sha256sum", binary).line
      let container = try box.running {
        $0["root.readonly"] = false
        $0.capabilities(["CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE", "CAP_KILL"])
        // Holds every program but busybox that shows up, and writes it when it is no longer busy.
        $0.sh(
          """
          while :; do
            for p in /proc/[0-9]*; do
              case "$(readlink $p/exe)" in /bin/busybox|'') ;; *)
                exec 9< $p/exe && echo caught >> /caught
                for i in 1 2 3 4 5 6 7 8 9 10; do
                  { printf pwned > /proc/self/fd/9; } 2>/dev/null && echo overwritten >> /caught
                  usleep 20000
                done
                exec 9<&- ;;
              esac
            done 2>/dev/null
          done
          """)
      }
      // The interpreter of the program that is executed is the runtime itself.
      try container.put("attack", "#!/proc/self/exe\n", mode: 0o755)
      for _ in 0..<10 {
        _ = try box.spawn(["exec", container.id, "/attack"], runtime: [binary]).finish()
      }
      usleep(300_000)
      #expect(try host("sha256sum", binary).line == before, "the runtime's binary was changed")
      try container.delete(force: true).ok("delete")
    }
  }

  // MARK: CVE-2019-16884, 2019-19921, 2023-27561, 2023-28642, 2025-52881: a false /proc

  @Test(arguments: ["proc", "sys"]) func aLinkInPlaceOfAFilesystemIsNotFollowed(name: String) throws
  {
    try withSandbox { box in
      let outside = try outside(box)
      let container = try box.container { $0.sh("cat /proc/self/mountinfo") }
      try FileManager.default.removeItem(atPath: "\(container.rootfs)/\(name)")
      symlink(outside, "\(container.rootfs)/\(name)")
      let result = try container.run()
      if Runtime.isSwrun { refused(result, saying: [name]) }
      try unchanged(outside)
    }
  }

  @Test func aSysctlIsNotWrittenToAFalseProc() throws {
    try withSandbox { box in
      let outside = try outside(box)
      try FileManager.default.createDirectory(
        atPath: "\(outside)/sys/net/ipv4", withIntermediateDirectories: true)
      let file = "\(outside)/sys/net/ipv4/ip_forward"
      try "untouched".write(toFile: file, atomically: false, encoding: .utf8)
      let result = try box.run {
        $0.dropMount("/proc")
        $0.bind(outside, "/proc")
        $0["linux.maskedPaths"] = [String]()
        $0["linux.readonlyPaths"] = [String]()
        $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
      }
      #expect(Machine.read(file) == "untouched", "\(result)")
    }
  }

  @Test func nothingIsMountedOverPartsOfProc() throws {
    try withSandbox { box in
      for path in ["/proc/sys", "/proc/self", "/proc/self/attr", "/proc/1"] {
        let result = try box.run {
          $0.tmpfs(path)
          $0["linux.sysctl"] = ["net.ipv4.ip_forward": "1"]
          $0.sh("echo started")
        }
        refused(result, saying: [path])
        #expect(result.out == "")
      }
    }
  }

  // MARK: CVE-2024-21626: a descriptor of the host as the working directory

  @Test(arguments: 3...12) func aDescriptorAsWorkingDirectoryIsRefused(number: Int) throws {
    try withSandbox { box in
      for path in ["/proc/self/fd/\(number)", "/proc/self/fd/\(number)/../..", "/link"] {
        let container = try box.container {
          $0["process.cwd"] = path
          $0.sh("pwd; ls ../../../../../../../../work /work 2>/dev/null")
        }
        symlink("/proc/self/fd/\(number)", "\(container.rootfs)/link")
        let result = try container.run()
        #expect(result.code != 0, "\(path): \(result)")
        #expect(!result.out.contains("main"), "\(result)")
      }
    }
  }

  @Test func aDescriptorAsWorkingDirectoryOfExecIsRefused() throws {
    try withSandbox { box in
      let container = try box.running()
      for number in 3...12 {
        let result = try container.exec(["--cwd", "/proc/self/fd/\(number)"], "pwd")
        #expect(result.code != 0, "\(result)")
      }
    }
  }

  // MARK: CVE-2025-31133: the null device of the image stands in for the mask

  @Test(arguments: ["file", "link", "fifo"]) func aFalseNullDoesNotMask(kind: String) throws {
    try withSandbox { box in
      let outside = try outside(box)
      let container = try box.container {
        for mount in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] { $0.dropMount(mount) }
        $0["root.readonly"] = false
        $0["linux.maskedPaths"] = ["/masked"]
        $0.sh("cat /masked; echo; stat -c '%F %t:%T' /masked; echo written > /masked")
      }
      try container.put("masked", "inside")
      let null = "\(container.rootfs)/dev/null"
      switch kind {
      case "file": try container.put("dev/null", Self.secret)
      case "link": symlink("\(outside)/file", null)
      default: mkfifo(null, 0o666)
      }
      let result = try container.run(timeout: 20)
      #expect(!result.out.contains(Self.secret) && !result.out.contains("inside"), "\(result)")
      if result.code == 0 { #expect(result.out.contains("character special file 1:3")) }
      try unchanged(outside)
    }
  }

  // MARK: CVE-2025-52565: /dev/console of the image

  @Test func aFalseConsoleIsNotFollowed() throws {
    try withSandbox { box in
      let outside = try outside(box)
      let terminal = try PseudoTerminal()
      let container = try box.container {
        for mount in ["/dev", "/dev/shm", "/dev/mqueue"] { $0.dropMount(mount) }
        $0["process.terminal"] = true
        $0["root.readonly"] = false
        $0.sh("echo to-the-console > /dev/console; echo done")
      }
      symlink("\(outside)/file", "\(container.rootfs)/dev/console")
      let run = try container.start(foreground: terminal)
      _ = terminal.read(until: "done")
      run.signal(SIGTERM)
      _ = try? run.finish(timeout: 10)
      try unchanged(outside)
    }
  }

  // MARK: CVE-2026-41579, 2026-47766: /dev of the image is a link

  @Test(arguments: [true, false]) func aLinkedDevStaysInside(mounted: Bool) throws {
    try withSandbox { box in
      let outside = try outside(box)
      let container = try box.container {
        if !mounted {
          for mount in ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"] { $0.dropMount(mount) }
        }
        $0["root.readonly"] = false
        $0["linux.devices"] = [
          ["path": "/dev/made", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666]
            as [String: Any]
        ]
      }
      try FileManager.default.removeItem(atPath: "\(container.rootfs)/dev")
      symlink(outside, "\(container.rootfs)/dev")
      _ = try container.run()
      try unchanged(outside)
    }
  }

  // MARK: Paths of the config that lead out

  @Test func pathsWithLinksAndDotsStayInside() throws {
    try withSandbox { box in
      let outside = try outside(box)
      let container = try box.container {
        $0["root.readonly"] = false
        $0.tmpfs("/link/mounted")
        $0.tmpfs("/../../../../../../..\(outside)/dots")
        $0.bind("/etc/hostname", "/link/bound")
        $0["process.cwd"] = "/link/directory"
        $0["linux.devices"] = [
          ["path": "/link/node", "type": "c", "major": 1, "minor": 3, "fileMode": 0o666]
            as [String: Any],
          ["path": "/dev/../../../../..\(outside)/node2", "type": "p", "fileMode": 0o666],
        ]
        $0["linux.maskedPaths"] = ["/link/file", "/link"]
        $0["linux.readonlyPaths"] = ["/link", "/../..\(outside)"]
        $0.sh("cat /link/file")
      }
      symlink(outside, "\(container.rootfs)/link")
      let result = try container.run()
      #expect(!result.out.contains(Self.secret), "\(result)")
      try unchanged(outside)
    }
  }

  // MARK: CVE-2021-30465, 2024-45310: a race on the targets of mounts

  @Test func aRacingMountTargetStaysInside() throws {
    try withSandbox { box in
      let outside = try outside(box)
      let volume = box.path("volume")
      mkdir(volume, 0o777)
      mkdir("\(volume)/target", 0o777)
      symlink(outside, "\(volume)/other")
      let racer = ch_start_exchanging("\(volume)/target", "\(volume)/other")
      #expect(racer > 0)
      defer {
        kill(racer, SIGKILL)
        var status: Int32 = 0
        _ = ch_reap(racer, &status)
      }
      let container = try box.container {
        $0.bind(volume, "/volume")
        $0.mount("/volume/target", type: "tmpfs", source: "racing", options: ["size=4k"])
        $0.mount("/volume/target/sub", type: "tmpfs", source: "racing", options: ["size=4k"])
        $0.sh("cat /proc/self/mountinfo; find / -xdev -name file -exec cat {} ';'")
      }
      var worked = 0
      for _ in 0..<60 {
        let result = try container.run()
        #expect(!result.out.contains(Self.secret), "\(result)")
        if result.code == 0 {
          worked += 1
          // Both mounts are where the container sees them: none is elsewhere.
          #expect(MountEntry.parse(result.out).filter { $0.source == "racing" }.count == 2)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: outside).sorted()
        #expect(left == ["file"], "made outside: \(left)")
      }
      #expect(worked > 0, "the race must let some containers start, or it shows nothing")
    }
  }

  // MARK: The host's own

  @Test func theHostsNullKeepsItsOwner() throws {
    try withSandbox { box in
      guard Runtime.isSwrun else { return }
      let before = try host("stat", "-c", "%u:%g %a", "/dev/null").line
      _ = try box.run { $0["process.user"] = ["uid": 1000, "gid": 1000] }
      _ = try box.running { $0["process.user"] = ["uid": 1000, "gid": 1000] }
      #expect(try host("stat", "-c", "%u:%g %a", "/dev/null").line == before)
    }
  }

  @Test func noDirectoryOfTheHostIsInReachWhileExecJoins() throws {
    try withSandbox { box in
      let container = try box.running {
        $0["root.readonly"] = false
        $0.sh(
          """
          while :; do for p in /proc/[0-9]*; do
            for l in $p/fd/* $p/cwd $p/root; do readlink $l; done
          done 2>/dev/null | grep -E '^/(tmp/swrun|sys|run|root|home|work)' >> /seen; done
          """)
      }
      for _ in 0..<20 { _ = try container.exec([], "true") }
      // Its own standard output is the one that it may see.
      let seen = Set(
        (Machine.read("\(container.rootfs)/seen") ?? "").split(separator: "\n").map(String.init)
      ).subtracting([container.outputPath])
      if Runtime.isSwrun { #expect(seen == [], "a joining process shows the host's paths") }
    }
  }

  private func outside(_ box: Sandbox) throws -> String {
    let path = box.path("outside")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.secret.write(toFile: "\(path)/file", atomically: false, encoding: .utf8)
    chmod(path, 0o755)
    return path
  }

  private func unchanged(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(names == ["file"], "made outside", sourceLocation: sourceLocation)
    #expect(Machine.read("\(path)/file") == Self.secret, sourceLocation: sourceLocation)
    #expect(!MountEntry.own().contains { $0.point.hasPrefix(path) }, sourceLocation: sourceLocation)
  }
}
