import Foundation
import Linux
import Testing

@testable import Isolation

@Suite struct StateStoreTests {
  /// A store in a directory of its own that is gone afterwards.
  private func withStore(_ body: (StateStore) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.path + "/swrun-store-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    try body(StateStore(root: root + "/deep/er", environment: { _ in nil }))
  }

  private func record(_ id: String) -> ContainerRecord {
    ContainerRecord(
      id: id, ociVersion: "1.2.0", bundle: "/b \"quoted\"", rootfs: "/b/rootfs",
      created: "2026-11-21T08:05:04.0Z", owner: 7, annotations: ["a": "b\n"],
      isolation: "container", isolationReason: "default", cgroupManager: "cgroupfs")
  }

  @Test func aRecordComesBackAsItWasSaved() throws {
    try withStore { store in
      let id = try ContainerID("one")
      let directory = try store.reserve(id)
      var saved = record("one")
      saved.pid = 42
      saved.startTime = .max
      saved.cgroups = ["": "/sys/fs/cgroup/x", "memory": "/m"]
      try directory.records.save(saved)
      let lifecycle = Lifecycle(store: store, backends: [], warn: { _ in })
      #expect(try lifecycle.load(store.open(id, lock: .none)) == saved)
      #expect(try store.list() == [id])
    }
  }

  @Test func anIDIsTakenOnce() throws {
    try withStore { store in
      let directory = try store.reserve(ContainerID("one"))
      #expect(throws: RuntimeError.self) { _ = try store.reserve(ContainerID("one")) }
      try directory.destroy()
      _ = try store.reserve(ContainerID("one"))
    }
  }

  @Test func aDeletedContainerDoesNotExist() throws {
    try withStore { store in
      let id = try ContainerID("one")
      try store.reserve(id).destroy()
      #expect(throws: StateStore.doesNotExist(id)) { _ = try store.open(id, lock: .exclusive) }
      #expect(try store.list() == [])
    }
  }

  @Test func aStateLeftWithoutRecordGoesByForceAlone() throws {
    try withStore { store in
      let id = try ContainerID("half")
      do { _ = try store.reserve(id) }
      let lifecycle = Lifecycle(store: store, backends: [], warn: { _ in })
      #expect(throws: RuntimeError.self) { try lifecycle.delete(id, force: false) }
      try lifecycle.delete(id, force: true)
      #expect(try store.list() == [])
      try lifecycle.delete(id, force: true)
    }
  }

  @Test func anotherFormatIsRefused() throws {
    try withStore { store in
      let id = try ContainerID("one")
      let directory = try store.reserve(id)
      try directory.write(
        ContainerDirectory.recordName, Array(#"{"format":2,"id":"one"}"#.utf8))
      let lifecycle = Lifecycle(store: store, backends: [], warn: { _ in })
      #expect(throws: RuntimeError.self) { _ = try lifecycle.load(directory) }
    }
  }

  /// The pid of another process is not the container's: the start time tells.
  @Test func aReusedPidIsNotAlive() {
    var container = record("one")
    container.pid = getpid()
    container.startTime = ProcessStatus(pid: getpid())!.startTime
    #expect(container.isAlive)
    container.startTime += 1
    #expect(!container.isAlive)
  }
}
