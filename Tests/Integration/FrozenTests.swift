import Foundation
import Harness
import Testing

/// Containers whose process somebody froze elsewhere.
@Suite(.root) struct Frozen {
  @Test(
    .freezer, .not(.crun, .runc, because: "they leave the process as it is, or wait for it"))
  func aProcessInAForeignFrozenCgroupIsDeletedAndItsNeighbourStays() throws {
    try withSandbox { box in
      let container = try box.running()
      let neighbour = try box.running()
      let isV1 = cgroupIsV1("freezer")
      let freezer = try #require(
        Machine.hierarchies.first {
          $0.isUnified != isV1 && (!isV1 || $0.controllers.contains("freezer"))
        }?.path)
      let foreign = "\(freezer)/\(box.tag)-foreign"
      let (state, frozen) = isV1 ? ("freezer.state", "FROZEN") : ("cgroup.freeze", "1")
      #expect(mkdir(foreign, 0o755) == 0)
      defer { rmdir(foreign) }
      let (pid, other) = (try container.pid(), try neighbour.pid())
      for (file, text) in [
        ("cgroup.procs", "\(pid)"), ("cgroup.procs", "\(other)"), (state, frozen),
      ] {
        try text.write(toFile: "\(foreign)/\(file)", atomically: false, encoding: .utf8)
      }
      try container.delete(force: true).ok("delete --force")
      #expect(!ProcessView(pid).isAlive)
      #expect(Machine.read("\(foreign)/cgroup.procs") == "\(other)\n")
      #expect(Machine.read("\(foreign)/\(state)") == "\(frozen)\n")
      try neighbour.delete(force: true).ok("delete --force of the neighbour")
    }
  }
}
