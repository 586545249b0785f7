import CLinux
import Testing

@testable import FileServer

/// The same scripts natively and through a mount print the same.
@Suite(
  .enabled(if: KernelMount.isPossible),
  .enabled(
    if: ["python3", "git", "tar"].allSatisfy { access("/usr/bin/\($0)", X_OK) == 0 },
    "the scripts need python3, git and tar"))
struct WorkloadTests {
  @Test(arguments: Workload.allCases) func isAsNative(_ workload: Workload) throws {
    try compare(workload, .auto)
  }

  @Test(
    arguments: [Workload.append, .mapping, .open, .renames, .holes], [CacheMode.none, .always])
  func isAsNativeInOtherModes(_ workload: Workload, _ cache: CacheMode) throws {
    try compare(workload, cache)
  }

  private func compare(_ workload: Workload, _ cache: CacheMode) throws {
    try onServingThread {
      var settings = Settings()
      settings.cache = cache
      let fixture = try Fixture(settings: settings)
      let mount = try KernelMount(fixture.server, at: fixture.path + "/mount")
      defer { mount.end() }
      mkdir(fixture.path + "/native", 0o755)
      let native = run(workload.script, in: fixture.path + "/native", scratch: fixture.path)
      let served = run(workload.script, in: mount.path + "/rootfs", scratch: fixture.path)
      let report = difference(native, served)
      #expect(report == "", "\(workload), cache \(cache)")
    }
  }
}

/// The lines of two texts that are not in both at the same place, at most twenty.
private func difference(_ native: String, _ served: String) -> String {
  let lines = native.split(separator: "\n", omittingEmptySubsequences: false)
  let others = served.split(separator: "\n", omittingEmptySubsequences: false)
  let changes = others.difference(from: lines).prefix(20)
  return changes.map { change in
    switch change {
    case .remove(let offset, let line, _): "native \(offset): \(line)\n"
    case .insert(let offset, let line, _): "served \(offset): \(line)\n"
    }
  }.joined()
}
