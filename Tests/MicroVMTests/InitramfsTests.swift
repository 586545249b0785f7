import CLinux
import Linux
import Testing

@testable import MicroVM

@Suite struct InitramfsTests {
  private struct Entry {
    let name: String
    let mode: UInt32
    let device: [UInt32]
    let contents: [UInt8]
  }

  private let scratch: Scratch
  private let cache: CacheDirectory
  private let modules: ModuleDirectory

  init() throws {
    scratch = try Scratch()
    cache = CacheDirectory(path: scratch.path + "/cache")
    modules = ModuleDirectory(path: scratch.path + "/m", version: "6.1")
    try scratch.write("agent", [0x7f, 0x45, 0x4c, 0x46, 1, 2, 3])
    var index = ""
    for name in Initramfs.requiredModules {
      index += "kernel/\(name).ko: kernel/virtio-ring.ko\n"
      try scratch.write("m/kernel/\(name).ko", "module \(name)")
    }
    try scratch.write("m/kernel/virtio-ring.ko", "ring")
    try scratch.write("m/modules.dep", index + "kernel/virtio-ring.ko:\n")
  }

  private func prepare(_ modules: ModuleDirectory?) throws -> SharedDescriptor {
    try Initramfs.prepare(
      agent: try scratch.open("agent"), agentPath: "agent", modules: modules, cache: cache)
  }

  /// The archive as the kernel reads it.
  private func entries(_ bytes: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var offset = 0
    while true {
      try #require(bytes.count >= offset + 110)
      try #require(bytes[offset..<offset + 6].elementsEqual("070701".utf8))
      let fields = try (0..<13).map { index in
        let text = bytes[offset + 6 + index * 8..<offset + 14 + index * 8]
        return try #require(UInt32(String(decoding: text, as: UTF8.self), radix: 16))
      }
      let nameEnd = offset + 110 + Int(fields[11])
      let start = (nameEnd + 3) / 4 * 4
      let end = start + Int(fields[6])
      try #require(end <= bytes.count && bytes[nameEnd - 1] == 0)
      let name = String(decoding: bytes[offset + 110..<nameEnd - 1], as: UTF8.self)
      #expect(fields[5] == 0)
      #expect(fields[2] == 0 && fields[3] == 0)
      if name == "TRAILER!!!" {
        #expect(end == bytes.count)
        return entries
      }
      entries.append(
        Entry(
          name: name, mode: fields[1], device: [fields[9], fields[10]],
          contents: Array(bytes[start..<end])))
      offset = (end + 3) / 4 * 4
    }
  }

  @Test func archiveHasAgentAndModules() throws {
    let entries = try entries(try contents(try prepare(modules)))
    func entry(_ name: String) -> Entry? { entries.first { $0.name == name } }
    for name in ["dev", "proc", "sys", "run", "modules"] {
      #expect(entry(name)?.mode == 0o040755)
    }
    #expect(entry("dev/console")?.mode == 0o020600)
    #expect(entry("dev/console")?.device == [5, 1])
    #expect(entry("init")?.mode == 0o100755)
    #expect(entry("init")?.contents == [0x7f, 0x45, 0x4c, 0x46, 1, 2, 3])
    let order = String(decoding: entry("modules/order")?.contents ?? [], as: UTF8.self)
    #expect(
      order
        == "000-virtio-ring.ko\n001-virtio_mmio.ko\n002-fuse.ko\n003-virtiofs.ko\n004-vmw_vsock_virtio_transport.ko\n"
    )
    #expect(entry("modules/000-virtio-ring.ko")?.contents == Array("ring".utf8))
    #expect(entry("modules/003-virtiofs.ko")?.contents == Array("module virtiofs".utf8))
  }

  @Test func kernelWithoutModules() throws {
    let entries = try entries(try contents(try prepare(nil)))
    #expect(
      entries.map(\.name) == [
        "dev", "proc", "sys", "run", "modules", "dev/console", "init", "modules/order",
      ])
    #expect(entries.last?.contents == [])
  }

  @Test func madeOnceForTheSameParts() throws {
    let first = try prepare(modules)
    let second = try prepare(modules)
    #expect(try first.status().st_ino == second.status().st_ino)
    #expect(try cacheNames().count == 1)
    // Another module, another agent: each is another archive.
    try scratch.write("m/kernel/fuse.ko", "module fuse, new")
    let third = try prepare(modules)
    #expect(try third.status().st_ino != first.status().st_ino)
    try scratch.write("agent", [0x7f, 0x45, 0x4c, 0x46, 9])
    _ = try prepare(modules)
    #expect(try cacheNames().count == 3)
    for byte in UInt8(0)..<20 {
      try scratch.write("agent", [0x7f, 0x45, 0x4c, 0x46, byte, byte])
      _ = try prepare(nil)
    }
    #expect(try cacheNames().count == CacheDirectory.capacity)
  }

  private func cacheNames() throws -> [String] {
    try FileDescriptor.open(cache.path, O_RDONLY | O_DIRECTORY).entries()
  }

  @Test func filesThatOthersCouldWriteAreMadeAgain() throws {
    let first = try prepare(nil)
    let name = try #require(try cacheNames().first)
    let path = cache.path + "/" + name
    try system("chmod", path) { unsafe cl_fchmodat(AT_FDCWD, path, 0o666) }
    let second = try prepare(nil)
    #expect(try second.status().st_ino != first.status().st_ino)
    #expect(try second.status().st_mode & 0o777 == 0o644)

    // A link, a directory, an empty file in its place.
    try system("unlink", path) { unsafe cl_unlinkat(AT_FDCWD, path, 0) }
    try system("symlink", path) { unsafe cl_symlinkat("/etc/passwd", AT_FDCWD, path) }
    #expect(try contents(try prepare(nil)) == contents(second))
    try scratch.write("cache/\(name)")
    #expect(try contents(try prepare(nil)) == contents(second))
    try system("unlink", path) { unsafe cl_unlinkat(AT_FDCWD, path, 0) }
    try File.makeDirectories(path)
    #expect(try contents(try prepare(nil)) == contents(second))
  }

  @Test func directoryThatOthersCouldWriteIsAnError() throws {
    try File.makeDirectories(cache.path)
    try system("chmod", cache.path) { unsafe cl_fchmodat(AT_FDCWD, cache.path, 0o777) }
    let text = message { () throws(RuntimeError) in
      _ = try cache.file("initramfs-x") { () throws(RuntimeError) in [1] }
    }
    #expect(text.contains("\(cache.path): others can write to it"))
  }

  @Test func withoutADirectoryTheFileIsInMemory() throws {
    try scratch.write("file")
    let cache = CacheDirectory(path: scratch.path + "/file/cache")
    let made = try cache.file("initramfs-x") { () throws(RuntimeError) in [1, 2, 3] }
    #expect(try contents(try #require(made)) == [1, 2, 3])
  }

  @Test func faults() throws {
    try scratch.write("agent", "no program")
    let text = message { () throws(RuntimeError) in
      _ = try Initramfs.prepare(
        agent: .closed, agentPath: "agent", modules: nil, cache: cache)
    }
    #expect(text.contains("agent"))
    #expect(throws: RuntimeError.self) { try prepare(nil) }
    try scratch.write("agent", [0x7f, 0x45, 0x4c, 0x46])
    let path = scratch.path + "/m/kernel/fuse.ko"
    try system("unlink", path) { unsafe cl_unlinkat(AT_FDCWD, path, 0) }
    #expect(throws: RuntimeError.self) { try prepare(modules) }
    #expect(try !cacheNames().contains { $0.hasPrefix("initramfs") })
  }
}
