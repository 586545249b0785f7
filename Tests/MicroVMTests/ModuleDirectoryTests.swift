import CLinux
import Linux
import Testing

@testable import MicroVM

@Suite struct ModuleDirectoryTests {
  private let scratch: Scratch
  private let modules: ModuleDirectory

  init() throws {
    scratch = try Scratch()
    modules = ModuleDirectory(path: scratch.path, version: "6.1")
    try scratch.write(
      "modules.dep",
      """
      kernel/fs/fuse/fuse.ko.xz:
      kernel/fs/fuse/virtiofs.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko kernel/fs/fuse/fuse.ko.xz
      kernel/drivers/virtio/virtio_ring.ko:
      kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
      kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
      kernel/a.ko: kernel/b.ko
      kernel/b.ko: kernel/a.ko

      """)
    try scratch.write(
      "modules.builtin", "kernel/fs/overlayfs/overlay.ko\nkernel/x/virtio-mmio.ko\n")
  }

  private func names(_ required: [String], _ optional: [String] = []) throws -> [String] {
    try modules.closure(required: required, optional: optional).map(\.path)
  }

  @Test func whatIsNeededComesFirst() throws {
    #expect(
      try names(["virtiofs"], ["virtio_rng"]) == [
        "kernel/drivers/virtio/virtio_ring.ko", "kernel/drivers/virtio/virtio.ko",
        "kernel/fs/fuse/fuse.ko.xz", "kernel/fs/fuse/virtiofs.ko.xz",
        "kernel/drivers/char/hw_random/virtio-rng.ko",
      ])
    // A circle ends.
    #expect(try names(["a"]).sorted() == ["kernel/a.ko", "kernel/b.ko"])
  }

  @Test func builtInModulesAreLeftOut() throws {
    #expect(try names(["overlay", "virtio_mmio", "virtio-mmio"]) == [])
  }

  @Test func missingModules() throws {
    #expect(try names([], ["virtio_balloon"]) == [])
    let text = message { () throws(RuntimeError) in
      _ = try modules.closure(required: ["vmw_vsock_virtio_transport"], optional: [])
    }
    #expect(text.contains("kernel 6.1: \(scratch.path) has no module vmw_vsock_virtio_transport"))
    let empty = ModuleDirectory(path: scratch.path + "/none", version: "6.1")
    let noIndex = message { () throws(RuntimeError) in
      _ = try empty.closure(required: [], optional: [])
    }
    #expect(noIndex.contains("modules of the kernel 6.1: open \(scratch.path)/none/modules.dep"))
    #expect(noIndex.contains("depmod 6.1"))
  }

  @Test func whereModulesAre() throws {
    let system = scratch.path + "/system"
    func find(_ version: String) throws -> String? {
      try ModuleDirectory(
        image: scratch.path + "/k/vmlinuz-6.1", version: version, system: system)?.path
    }
    #expect(try find("6.1") == nil)
    try File.makeDirectories(system + "/6.1")
    #expect(try find("6.1") == system + "/6.1")
    try File.makeDirectories(scratch.path + "/k/lib/modules/6.1")
    #expect(try find("6.1") == scratch.path + "/k/lib/modules/6.1")
    #expect(try find("") == nil)
    for version in ["../../etc", "..", "a/b"] {
      let text = message { () throws(RuntimeError) in
        _ = try ModuleDirectory(image: "/k", version: version, system: system)
      }
      #expect(text.contains("makes no sense"))
    }
  }

  @Test(arguments: [
    ("kernel/x/virtio-rng.ko", "virtio_rng"), ("a_b.ko.xz", "a_b"), ("k/a.ko.zst", "a"),
    ("a", "a"),
  ]) func moduleNames(_ path: String, _ name: String) {
    #expect(ModuleFile(path).name == name)
  }
}
