import Harness
import Testing

/// What a runtime loses of the probe's output on its way through a terminal is noticed, and no part of
/// the rest is taken for a whole.
@Suite struct Observations {
  private static let lines = """
    argument 0 = /bin/probe
    fd 0 = pipe:[123] flags 0
    mountinfo = 1 0 0:1 / / ro - tmpfs tmpfs ro;2 1 0:2 / /proc rw - proc proc rw
    call chroot = ok

    """

  private func observation(_ output: String) -> Observation {
    Observation(Outcome(code: 0, signal: nil, out: output, err: ""), names: [])
  }

  @Test func allOfItIsWhole() {
    let whole = Self.lines + "written = \(Self.lines.utf8.count)\n"
    #expect(observation(whole).isWhole)
    #expect(observation(whole).fields["fd 0"] == "pipe flags 0")
    #expect(observation(whole.replacing("\n", with: "\r\n")).isWhole, "as a terminal has it")
    #expect(observation("swrun: warning: slow\n" + whole).isWhole, "a runtime may warn before")
    #expect(observation("").isWhole, "the probe was not started")
    #expect(observation("crun: no such file").isWhole)
  }

  @Test func withoutAPartItIsNot() {
    let whole = Array((Self.lines + "written = \(Self.lines.utf8.count)\n").utf8)
    for from in whole.indices {
      for count in 1...8 where from + count < whole.count {
        let lost = whole[..<from] + whole[(from + count)...]
        // Only the end of the last line could get lost unnoticed: nothing follows it.
        #expect(!observation(String(decoding: lost, as: UTF8.self)).isWhole)
      }
    }
  }

  @Test func anotherLineBetweenIsNoticed() {
    let whole = Self.lines + "written = \(Self.lines.utf8.count)\n"
    let log = "2026-11-22T04:18:01.000000Z: error writing to terminal ]"
    for index in whole.indices.dropFirst() {
      #expect(!observation(whole[..<index] + log + whole[index...]).isWhole)
    }
  }
}
