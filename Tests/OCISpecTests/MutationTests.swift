import Foundation
import OCISpec
import SeededRandom
import Testing

/// Changes documents at random: bytes, ranges, and pieces that parsers get wrong.
struct Mutator {
  var generator: SeededRandom
  let seeds: [[UInt8]]

  static let pieces: [[UInt8]] =
    [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "false", "-1", "0", "1e9", "1.5",
      "18446744073709551615", "18446744073709551616", "-9223372036854775808", "4294967296",
      #""\u0000""#, #""\ud800""#, #"\ud83d\ude00"#, "{}", "[]", "\"\"", "[[[[[[[[", "\n", "\t",
      #""cwd":"#, #""linux":{"#, #""process":{"#, #""type":"#, #""path":"/""#, #""size":0"#,
      #""args":["sh"]"#, #""uid":"#, "..", "/", "SCMP_ACT_ALLOW", "RLIMIT_NOFILE", "0x1", "01",
    ].map { Array($0.utf8) } + [
      [0], [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF],
    ]

  mutating func next() -> [UInt8] {
    var text = seeds.randomElement(using: &generator) ?? []
    for _ in 0..<Int.random(in: 1...4, using: &generator) { change(&text) }
    return text
  }

  private mutating func change(_ text: inout [UInt8]) {
    let index = Int.random(in: 0...text.count, using: &generator)
    let end = min(text.count, index + Int.random(in: 0...24, using: &generator))
    switch Int.random(in: 0..<8, using: &generator) {
    case 0: if index < text.count { text[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator) }
    case 1: if index < text.count { text[index] = .random(in: 0...255, using: &generator) }
    case 2: text.removeSubrange(index..<end)
    case 3: text.insert(contentsOf: Array(text[index..<end]), at: index)
    case 4, 5:
      let piece = Self.pieces.randomElement(using: &generator) ?? []
      text.replaceSubrange(index..<(Bool.random(using: &generator) ? end : index), with: piece)
    case 6: text.removeSubrange(index...)
    default:
      let other = seeds.randomElement(using: &generator) ?? []
      let start = Int.random(in: 0...other.count, using: &generator)
      let stop = min(other.count, start + Int.random(in: 0...40, using: &generator))
      text.insert(contentsOf: other[start..<stop], at: index)
    }
  }
}

@Suite struct MutationTests {
  /// SWRUN_FUZZ_SEED and SWRUN_FUZZ_COUNT change what is tried; a failure names the seed.
  private static let environment = ProcessInfo.processInfo.environment
  static let seed = environment["SWRUN_FUZZ_SEED"].flatMap { UInt64($0) } ?? 20_260_731
  static let count = environment["SWRUN_FUZZ_COUNT"].flatMap { Int($0) } ?? 100_000

  /// Small documents, so that a change hits something that matters.
  private static let seeds: [[UInt8]] = [
    config(),
    config(
      #""mounts": [{"destination": "/a", "type": "tmpfs", "options": ["ro"]}], "hostname": "é""#,
      process: #""user": {"uid": 1, "additionalGids": [2, 3]}, "env": ["A=\"\\\n\ud83d\ude00"]"#,
      linux: #""namespaces": [{"type": "uts"}, {"type": "mount", "path": "/x"}]"#),
    config(
      #""annotations": {"a": "b"}, "hooks": {"prestart": [{"path": "/h", "timeout": 3}]}"#,
      process: #""rlimits": [{"type": "RLIMIT_CPU", "soft": 1, "hard": 2}], "oomScoreAdj": -5"#,
      linux: #""resources": {"memory": {"limit": -1, "swappiness": 60}, "cpu": {"shares": 2}}"#),
    config(
      #""unknown": [1.5e-3, {"a": [null, true, {}]}], "vm": {"kernel": {"path": "/k"}}"#,
      process: #""capabilities": {"bounding": ["CAP_KILL"], "ambient": []}"#,
      linux: #""seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["a"], "#
        + #""action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#
    ),
    config(
      #""windows": {"x": [1, "]"]}"#, process: #""scheduler": {"policy": "SCHED_FIFO"}"#,
      linux: #""sysctl": {}, "uidMappings": [{"containerID": 0, "hostID": 1, "size": 2}]"#),
  ].map { Array($0.utf8) }

  /// No input crashes; what is refused has a place, and what is accepted is JSON and stays itself.
  @Test func manyInputs() throws {
    print("mutation test: SWRUN_FUZZ_SEED=\(Self.seed) SWRUN_FUZZ_COUNT=\(Self.count)")
    var mutator = Mutator(generator: SeededRandom(seed: Self.seed), seeds: Self.seeds)
    var accepted = 0
    for number in 0..<Self.count {
      let text = mutator.next()
      do {
        let spec = try Spec(parsing: text)
        accepted += 1
        let again = try Spec(parsing: spec.encoded())
        if again != spec || !isJSON(text) {
          Issue.record(
            "input \(number) of seed \(Self.seed): \(String(decoding: text, as: UTF8.self))")
        }
      } catch {
        let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
        let description = error.description
        if !(1...lines).contains(error.line ?? 0) || description.utf8.count > 1_000
          || description.unicodeScalars.contains(where: { $0.value < 0x20 })
        {
          Issue.record("input \(number) of seed \(Self.seed): \(description)")
        }
      }
    }
    // Otherwise the changes are too coarse to find anything.
    #expect(accepted > Self.count / 50)
    #expect(accepted < Self.count / 2)
  }

  /// The same for the largest document, fewer times.
  @Test func manyCompleteInputs() throws {
    var mutator = Mutator(
      generator: SeededRandom(seed: Self.seed), seeds: [CompleteConfig.bytes])
    for number in 0..<(Self.count / 50) {
      if let spec = try? Spec(parsing: mutator.next()) {
        #expect(try Spec(parsing: spec.encoded()) == spec, "input \(number) of \(Self.seed)")
      }
    }
  }

  /// Foundation's opinion; it reads numbers as floating point, whose range ours do not have.
  private func isJSON(_ text: [UInt8]) -> Bool {
    (try? JSONSerialization.jsonObject(with: Data(text))) != nil
  }
}
