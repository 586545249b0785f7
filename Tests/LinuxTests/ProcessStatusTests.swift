import CLinux
import Testing

@testable import Linux

@Suite struct ProcessStatusTests {
  func status(_ line: String) -> ProcessStatus? {
    let bytes = Array(line.utf8)
    return ProcessStatus(stat: bytes.span)
  }

  let numbers = "1 7 7 0 -1 4194560 5 0 0 0 1 2 0 0 20 0 1 0 98765 4096 9"

  @Test func theNameMayHoldWhatEndsAName() {
    for name in ["sleep", "a b", ") Z 9", "((", "\n", ")"] {
      let status = status("42 (\(name)) S \(numbers)\n")
      #expect(status?.state == "S")
      #expect(status?.parent == 1)
      #expect(status?.startTime == 98765)
      #expect(status?.isKernelThread == false)
    }
  }

  @Test func aKernelThreadIsOne() {
    let line = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0"
    #expect(status(line)?.isKernelThread == true)
    #expect(status(line)?.startTime == 5)
  }

  @Test func deadIsDead() {
    for letter in ["Z", "X", "x"] { #expect(status("1 (a) \(letter) \(numbers)")?.isDead == true) }
    for letter in ["R", "S", "D", "T", "t", "I"] {
      #expect(status("1 (a) \(letter) \(numbers)")?.isDead == false)
    }
  }

  @Test(arguments: [
    "", "1", "1 (a", "1 (a)", "1 (a) ", "1 (a) S", "1 (a) S 1 2 3", "1 (a) S x \(1)",
    "1 (a) S 1 7 7 0 -1 41q4560 5 0 0 0 1 2 0 0 20 0 1 0 98765",
    "1 (a) S 1 7 7 0 -1 4194560 5 0 0 0 1 2 0 0 20 0 1 0",
  ])
  func anotherFormIsNone(_ line: String) { #expect(status(line) == nil) }

  @Test func oneOfOurOwn() {
    let own = ProcessStatus(pid: getpid())
    #expect(own?.parent == getppid())
    #expect(own?.isDead == false)
    #expect(ProcessStatus(pid: 0) == nil)
  }
}
