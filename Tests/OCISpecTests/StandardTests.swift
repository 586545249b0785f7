import Foundation
import OCISpec
import Testing

/// The configuration that `spec` writes, against what runc 1.1.5 wrote and what is installed.
@Suite struct StandardTests {
  @Test func equalInMeaningToRunc() throws {
    var runc = try Spec(parsing: Array(RuncSpec.text.utf8))
    #expect(runc.ociVersion == "1.0.2-dev" && runc.hostname == "runc")
    runc.ociVersion = "1.0.2"
    runc.hostname = "swrun"
    #expect(Spec.standard() == runc)
  }

  @Test func equalInMeaningToRuncWithoutPrivileges() throws {
    var runc = try Spec(parsing: Array(RuncSpec.rootless.utf8))
    runc.ociVersion = "1.0.2"
    runc.hostname = "swrun"
    #expect(Spec.standard(rootless: true, uid: 1000, gid: 1001) == runc)
  }

  @Test func hostsWithCgroup2AloneHaveACgroupNamespace() {
    let spec = Spec.standard(unifiedCgroups: true)
    #expect(spec.linux.namespaces.last == Spec.Linux.Namespace(type: .cgroup))
    #expect(spec.linux.namespaces.dropLast() == Spec.standard().linux.namespaces[...])
  }

  @Test func isValidAndComesBack() throws {
    for spec in [Spec.standard(), Spec.standard(rootless: true, uid: 7, gid: 8)] {
      try spec.validate()
      #expect(try Spec(parsing: spec.encoded(indent: "\t")) == spec)
    }
  }

  /// Line by line the text that runc writes, but for the version and the hostname.
  @Test func textIsThatOfRunc() throws {
    let ours = String(decoding: Spec.standard().encoded(indent: "\t"), as: UTF8.self)
    let theirs = RuncSpec.text.replacing("1.0.2-dev", with: "1.0.2")
      .replacing("\"runc\"", with: "\"swrun\"")
    let keys = { (text: String) in Set(text.split(separator: "\n")) }
    #expect(keys(ours) == keys(theirs))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/runc")))
  func equalInMeaningToTheInstalledRunc() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("swrun-spec-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for arguments in [["spec"], ["spec", "--rootless"]] {
      let file = folder.appendingPathComponent("config.json")
      try? FileManager.default.removeItem(at: file)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/runc")
      process.arguments = arguments
      process.currentDirectoryURL = folder
      try process.run()
      process.waitUntilExit()
      var runc = try Spec(parsing: Array(try Data(contentsOf: file)))
      var ours = Spec.standard(
        rootless: arguments.count > 1, uid: UInt32(geteuid()), gid: UInt32(getegid()),
        unifiedCgroups: runc.linux.namespaces.contains { $0.type == .cgroup })
      // Names that differ by design, and the order of namespaces, which has no meaning.
      runc.ociVersion = ours.ociVersion
      runc.hostname = ours.hostname
      runc.linux.namespaces.sort { $0.type.rawValue < $1.type.rawValue }
      ours.linux.namespaces.sort { $0.type.rawValue < $1.type.rawValue }
      #expect(ours == runc)
    }
  }
}
