import Foundation
import Harness
import Testing

/// maskedPaths and readonlyPaths.
@Suite(.root) struct MaskedPaths {
  @Test func aMaskedFileReadsAsEmptyAndAMaskedDirectoryAsWell() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["linux.maskedPaths"] = ["/secret", "/secrets", "/proc/keys", "/does/not/exist"]
        $0.sh(
          "wc -c < /secret; ls /secrets | wc -l; wc -c < /proc/keys; touch /secrets/x || echo refused"
        )
      }
      try container.put("secret", "very secret")
      try container.makeDirectory("secrets/below")
      let result = try container.run()
      #expect(result.lines == ["0", "0", "0", "refused"], "\(result)")
    }
  }

  @Test func aMaskedPathCannotBeUncovered() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["linux.maskedPaths"] = ["/secret"]
        $0["root.readonly"] = false
        $0.sh("echo new > /secret; cat /secret; umount /secret 2>&1; rm /secret 2>&1; cat /secret")
      }
      try container.put("secret", "very secret")
      let result = try container.run()
      #expect(!result.out.contains("very secret"), "\(result)")
      #expect(Machine.read("\(container.rootfs)/secret") == "very secret")
    }
  }

  @Test func aReadonlyPathRefusesWritesAndStaysReadable() throws {
    try withSandbox { box in
      let container = try box.container {
        $0["root.readonly"] = false
        $0["linux.readonlyPaths"] = ["/fixed", "/proc/sys", "/does/not/exist"]
        $0.sh(
          "cat /fixed/file; touch /fixed/x 2>/dev/null || echo refused; touch /free && echo free; "
            + "echo 1 2>/dev/null > /proc/sys/kernel/panic || echo refused")
      }
      try container.makeDirectory("fixed")
      try container.put("fixed/file", "content\n")
      let result = try container.run()
      #expect(result.lines == ["content", "refused", "free", "refused"], "\(result)")
    }
  }

  @Test func aMaskedLinkMasksNothingOutside() throws {
    try withSandbox { box in
      try "host".write(toFile: box.path("outside"), atomically: false, encoding: .utf8)
      let container = try box.container { $0["linux.maskedPaths"] = ["/link"] }
      symlink(box.path("outside"), "\(container.rootfs)/link")
      _ = try container.run()
      #expect(Machine.read(box.path("outside")) == "host")
    }
  }

  @Test(.not(.crun, because: "crun 1.8.1 drops them")) func aFlagOfAReadonlyPathsMountIsKept()
    throws
  {
    try withSandbox { box in
      let result = try box.run {
        $0.tmpfs("/flagged", "nosuid", "nodev", "noexec")
        $0["linux.readonlyPaths"] = ["/flagged"]
        $0.sh("cat /proc/self/mountinfo")
      }
      let options = Set(MountEntry.parse(result.out).at("/flagged")?.options ?? [])
      #expect(options.isSuperset(of: ["ro", "nosuid", "nodev", "noexec"]), "\(options)")
    }
  }
}
