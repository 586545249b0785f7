import Foundation
import Harness
import Testing

/// `run --rootfs DIR … ID -- COMMAND…`: a container without a config.json.
@Suite(.root, .swrunOnly) struct QuickRun {
  @Test func aCommandInARootfs() throws {
    try withSandbox { box in
      let root = try rootfs(box)
      let result = try run(
        box, ["--rootfs", root], "/bin/sh", "-c", "echo $$; id -u; ls /; exit 21")
      #expect(result.code == 21, "\(result)")
      #expect(result.lines.prefix(2) == ["1", "0"])
      #expect(result.lines.contains("bin"))
    }
  }

  @Test func optionsOfTheCommandAreNotOurs() throws {
    try withSandbox { box in
      let result = try run(
        box, ["--rootfs", try rootfs(box)], "/bin/echo", "--memory", "-d", "--", "end")
      #expect(result.line == "--memory -d -- end", "\(result)")
    }
  }

  @Test func readOnly() throws {
    try withSandbox { box in
      let root = try rootfs(box)
      let script = "touch /x 2>/dev/null && echo written || echo refused"
      let writable = try run(box, ["--rootfs", root], "/bin/sh", "-c", script)
      #expect(writable.line == "written")
      let fixed = try run(box, ["--rootfs", root, "--read-only"], "/bin/sh", "-c", script)
      #expect(fixed.line == "refused")
    }
  }

  @Test func volumes() throws {
    try withSandbox { box in
      let root = try rootfs(box)
      let data = box.path("data")
      mkdir(data, 0o755)
      try "content".write(toFile: data + "/file", atomically: false, encoding: .utf8)
      let result = try run(
        box, ["--rootfs", root, "--volume", "\(data):/rw", "--volume", "\(data):/ro:ro"],
        "/bin/sh", "-c",
        "cat /rw/file /ro/file; echo; touch /rw/new && echo one; touch /ro/new2 2>/dev/null || echo two"
      )
      #expect(result.lines == ["contentcontent", "one", "two"], "\(result)")
      #expect(access(data + "/new", F_OK) == 0)
    }
  }

  @Test func environment() throws {
    try withSandbox { box in
      let result = try run(
        box, ["--rootfs", try rootfs(box), "--env", "A=1 2", "--env", "B=x=y"], "env")
      #expect(result.lines.contains("A=1 2") && result.lines.contains("B=x=y"), "\(result)")
      #expect(result.out.contains("PATH="))
    }
  }

  @Test(.controller("memory"), .controller("cpu"), .controller("pids")) func limits() throws {
    try withSandbox { box in
      let result = try run(
        box,
        ["--rootfs", try rootfs(box), "--memory", "256m", "--cpus", "1.5", "--pids", "100"],
        "/bin/sh", "-c",
        cgroupIsV1("memory")
          ? "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us"
          : "cd /sys/fs/cgroup; cat memory.max pids.max; tr ' ' '\\n' < cpu.max"
      )
      let numbers = result.lines.compactMap { Int($0) }
      #expect(numbers.prefix(2) == [256 << 20, 100], "\(result)")
      #expect(numbers.count == 4 && numbers[2] * 2 == numbers[3] * 3)
    }
  }

  @Test(arguments: [
    ["--memory", "lots"], ["--cpus", "0"], ["--cpus", "-1"], ["--pids", "x"],
    ["--volume", "nowhere"],
    ["--volume", "/no/such/source:/x"], ["--volume", "/tmp:relative"],
    ["--volume", "/tmp:/x:sideways"],
    ["--env", ""],
  ])
  func wrongValuesAreRefused(options: [String]) throws {
    try withSandbox { box in
      refused(try run(box, ["--rootfs", try rootfs(box)] + options, "/bin/true"))
    }
  }

  @Test func wrongUseIsRefused() throws {
    try withSandbox { box in
      let root = try rootfs(box)
      refused(try box.swrun("run", "--rootfs", root, box.name()), saying: ["COMMAND"])
      refused(try run(box, ["--rootfs", box.path("nowhere")], "true"), saying: ["nowhere"])
      let container = try box.container()
      refused(
        try box.swrun("run", "--rootfs", root, "-b", container.bundle, container.id, "--", "true"))
    }
  }

  @Test func detachedWithTheOtherVerbs() throws {
    try withSandbox { box in
      let id = box.name()
      let child = try box.spawn(
        ["run", "--detach", "--rootfs", try rootfs(box), id, "--", "/bin/sleep", "1000"],
        output: .file(box.path("out")))
      try child.finish().ok("run -d --rootfs")
      let exec = try box.swrun("exec", id, "/bin/sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '")
      #expect(exec.line == "/bin/sleep 1000 ", "\(exec)")
      #expect(try box.swrun("state", id).ok().out.contains("running"))
      try box.swrun("delete", "--force", id).ok()
    }
  }

  private func rootfs(_ box: Sandbox) throws -> String {
    let path = box.path("rootfs")
    if access(path, F_OK) != 0 { try Rootfs.make(path) }
    return path
  }

  private func run(_ box: Sandbox, _ options: [String], _ command: String...) throws -> Outcome {
    try box.spawn(["run"] + options + [box.name(), "--"] + command).finish()
  }
}
