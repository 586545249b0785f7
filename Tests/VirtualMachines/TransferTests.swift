import Foundation
import Harness
import Testing

/// Large streams are complete and in order, in both directions.
extension Machines {
  @Suite struct Transfer {
    @Test func everyByteOfInputAndOutput() throws {
      try withSandbox { box in
        let (sent, got) = (box.path("sent"), box.path("got"))
        try host("sh", "-c", "head -c 8388608 /dev/urandom > \(sent)").ok()
        let container = try box.machine {
          $0["root.readonly"] = false
          $0.sh("md5sum >&2; cat /large; exit 7")
        }
        try host("sh", "-c", "head -c 33554432 /dev/urandom > \(container.rootfs)/large").ok()
        let input = open(sent, O_RDONLY | O_CLOEXEC)
        #expect(input >= 0)
        defer { close(input) }
        let result = try container.start(foreground: [], input: .fd(input), output: .file(got))
          .finish(timeout: 600)
        #expect(result.code == 7, "\(result)")
        let sum = try host("sh", "-c", "md5sum < \(sent)").line
        #expect(result.errLines.last == sum, "8 MiB of standard input: \(result)")
        let same = try host("cmp", "\(container.rootfs)/large", got)
        #expect(same.code == 0, "32 MiB of standard output: \(same)")
      }
    }
  }
}
