import CLinux
import Foundation
import Linux
import OCISpec
import Testing

@testable import Seccomp

/// The kept filters, and everything that may lie in their place.
@Suite final class CacheTests {
  let parent: String
  var directory: String { parent + "/seccomp" }
  let filter = Filter(
    defaultAction: .errno, architectures: [.x86_64],
    syscalls: [Filter.rule("read", "openat2", action: .allow)])

  init() throws {
    parent = NSTemporaryDirectory() + "swrun-seccomp-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: parent) }

  var cache: FilterCache { FilterCache(directory: directory) }

  func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: directory) }

  func mode(_ path: String) throws -> mode_t {
    var status = stat()
    try #require(lstat(path, &status) == 0)
    return status.st_mode & 0o7777
  }

  @discardableResult
  func prepare(_ filter: Filter? = nil) throws -> (filter: CompiledFilter, warnings: [String]) {
    var warnings: [String] = []
    let compiled = try CompiledFilter.prepare(filter ?? self.filter, cacheDirectory: directory) {
      warnings.append($0)
    }
    return (compiled, warnings)
  }

  /// The only file of the cache after one start.
  func stored() throws -> String {
    #expect(try prepare().warnings == [])
    let names = try names()
    try #require(names.count == 1)
    return "\(directory)/\(names[0])"
  }

  func isSame(_ left: [sock_filter], _ right: [sock_filter]) -> Bool {
    left.withUnsafeBytes { Array($0) } == right.withUnsafeBytes { Array($0) }
  }

  @Test func aFilterIsKeptAndTakenAgain() throws {
    let path = try stored()
    #expect(try mode(path) == 0o600)
    #expect(try mode(directory) == 0o700)
    let kept = try #require(cache.program(for: filter.cacheKey))
    #expect(isSame(kept, try filter.compile()))
    // What the file says is what is used: another program under the same key comes back.
    let other = [sock_filter(code: 6, jt: 0, jf: 0, k: 0x7fff_0000)]
    try cache.store(other, for: filter.cacheKey)
    #expect(isSame(try prepare().filter.program, other))
    #expect(try names().count == 1)
  }

  @Test func everyChangedByteIsFound() throws {
    let path = try stored()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    for offset in bytes.indices {
      try handle.seek(toOffset: UInt64(offset))
      try handle.write(contentsOf: [bytes[offset] ^ 0x10])
      #expect(cache.program(for: filter.cacheKey) == nil, "byte \(offset)")
      try handle.seek(toOffset: UInt64(offset))
      try handle.write(contentsOf: [bytes[offset]])
    }
    #expect(cache.program(for: filter.cacheKey) != nil)
    try handle.truncate(atOffset: UInt64(bytes.count - 8))
    #expect(cache.program(for: filter.cacheKey) == nil)
    try handle.truncate(atOffset: 0)
    #expect(cache.program(for: filter.cacheKey) == nil)
    // A start compiles again and mends the file.
    #expect(isSame(try prepare().filter.program, try filter.compile()))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
  }

  @Test func aFileThatIsTooLongIsNotRead() throws {
    let path = try stored()
    try FileHandle(forUpdating: URL(fileURLWithPath: path)).truncate(atOffset: 1 << 30)
    #expect(cache.program(for: filter.cacheKey) == nil)
  }

  @Test func aFileOfAnotherFilterIsNotTaken() throws {
    let path = try stored()
    let other = Filter(defaultAction: .allow)
    try prepare(other)
    let otherName = try #require(try names().first { !path.hasSuffix($0) })
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: "\(directory)/\(otherName)", toPath: path)
    #expect(cache.program(for: filter.cacheKey) == nil)
    #expect(cache.program(for: other.cacheKey) != nil)
  }

  @Test(arguments: [0o640, 0o606, 0o622] as [mode_t])
  func aFileThatOthersReachIsNotTaken(_ mode: mode_t) throws {
    let path = try stored()
    try #require(chmod(path, mode) == 0)
    #expect(cache.program(for: filter.cacheKey) == nil)
    #expect(try prepare().warnings == [])
    #expect(try self.mode(path) == 0o600)
    #expect(cache.program(for: filter.cacheKey) != nil)
  }

  @Test(.enabled(if: geteuid() == 0)) func aFileOfAnotherUserIsNotTaken() throws {
    let path = try stored()
    try #require(chown(path, 65534, 65534) == 0)
    #expect(cache.program(for: filter.cacheKey) == nil)
    #expect(try prepare().warnings == [])
    #expect(cache.program(for: filter.cacheKey) != nil)
  }

  @Test func aSymlinkAndASecondLinkAreNotTaken() throws {
    let path = try stored()
    let elsewhere = parent + "/elsewhere"
    try FileManager.default.moveItem(atPath: path, toPath: elsewhere)
    try #require(symlink(elsewhere, path) == 0)
    #expect(cache.program(for: filter.cacheKey) == nil)
    #expect(try prepare().warnings == [])
    // The link is replaced, and what it pointed to is untouched.
    #expect(cache.program(for: filter.cacheKey) != nil)
    try #require(link(path, parent + "/second") == 0)
    #expect(cache.program(for: filter.cacheKey) == nil)
  }

  @Test(.timeLimit(.minutes(1))) func aFifoAndADirectoryDoNotHoldUpTheStart() throws {
    let path = try stored()
    try FileManager.default.removeItem(atPath: path)
    try #require(mkfifo(path, 0o600) == 0)
    #expect(try prepare().warnings == [])
    #expect(cache.program(for: filter.cacheKey) != nil)
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(try prepare().warnings.count == 1)
  }

  @Test func aDirectoryThatOthersReachIsNotUsed() throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    try #require(chmod(directory, 0o777) == 0)
    let (compiled, warnings) = try prepare()
    #expect(isSame(compiled.program, try filter.compile()))
    #expect(warnings.count == 1 && warnings[0].contains("mode 0700"))
    #expect(try names() == [])
  }

  @Test func aSymlinkInPlaceOfTheDirectoryIsNotUsed() throws {
    try FileManager.default.createDirectory(
      atPath: parent + "/real", withIntermediateDirectories: false,
      attributes: [.posixPermissions: 0o700])
    try #require(symlink("real", directory) == 0)
    #expect(try prepare().warnings.count == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: parent + "/real") == [])
  }

  @Test func aDirectoryThatCannotBeMadeCostsAWarning() throws {
    try Data().write(to: URL(fileURLWithPath: directory))
    #expect(try prepare().warnings.count == 1)
  }

  @Test func theOldestFilesGoFirst() throws {
    var known: Set<String> = []
    for value in 0..<UInt32(FilterCache.capacity + 6) {
      let filter = Filter(defaultAction: .errno, defaultErrnoRet: value)
      try cache.store([sock_filter(code: 6, jt: 0, jf: 0, k: value)], for: filter.cacheKey)
      // The kernel's file times are as coarse as its tick: several files have one.
      for name in try names() where known.insert(name).inserted {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: Double(1000 + value))],
          ofItemAtPath: "\(directory)/\(name)")
      }
    }
    #expect(try names().count == FilterCache.capacity)
    for value in [0, 5, 6, 69] as [UInt32] {
      let kept = cache.program(for: Filter(defaultAction: .errno, defaultErrnoRet: value).cacheKey)
      #expect((kept != nil) == (value > 5), "\(value)")
    }
  }

  @Test func theKeyIsOfTheInstructionsAlone() {
    let key = filter.cacheKey
    var other = filter
    other.flags = [.log]
    other.listenerPath = "/run/agent"
    other.listenerMetadata = "m"
    #expect(other.cacheKey == key)
    other.syscalls[0].names = ["readopenat2"]
    #expect(other.cacheKey != key)
    for change in [
      { $0.defaultAction = .trap }, { $0.defaultErrnoRet = 2 }, { $0.architectures = [] },
      { $0.syscalls[0].action = .log }, { $0.syscalls[0].names.append("write") },
      { $0.syscalls[0].args = [.init(index: 0, value: 0, op: .equal)] },
    ] as [(inout Filter) -> Void] {
      var changed = filter
      change(&changed)
      #expect(changed.cacheKey != key)
    }
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
        + "lmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func vectorsOfSHA256(_ message: String, _ digest: String) {
    let result = SHA256.digest(Array(message.utf8)).map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    #expect(result.joined() == digest)
  }
}
