import Foundation
import OCISpec
import Testing

/// Documents that are cut, too large or too deep.
@Suite(.serialized) struct HostileTests {
  private let clock = ContinuousClock()

  /// The largest amount of memory that the process has had, in bytes.
  private static func peakMemory() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.filter(\.isNumber))) * 1024
  }

  private func refuse(_ bytes: [UInt8], _ reason: String) {
    do {
      _ = try Spec(parsing: bytes)
      Issue.record("accepted")
    } catch {
      #expect(error.reason.contains(reason), "\(error)")
      #expect(error.description.utf8.count < 400)
    }
  }

  @Test func truncatedAtEveryByte() {
    let bytes = CompleteConfig.bytes
    let end = bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).count
    for count in 0...end {
      do {
        _ = try Spec(parsing: Array(bytes[..<count]))
        Issue.record("accepted after \(count) bytes")
      } catch {
        #expect(error.reason.contains("file"), "\(count): \(error)")
        #expect((1...lines).contains(error.line ?? 0))
      }
    }
  }

  @Test func everyByteChanged() {
    let bytes = CompleteConfig.bytes
    for index in bytes.indices {
      for other in [0x00, 0x22, 0x5B, 0x7D, 0xFF] as [UInt8] {
        var changed = bytes
        changed[index] = other
        _ = try? Spec(parsing: changed)
      }
    }
  }

  /// 100 MB are refused at once, without being looked at.
  @Test func aHundredMegabytes() throws {
    let before = try Self.peakMemory()
    var string = [UInt8](repeating: 0x61, count: 100_000_000)
    string.replaceSubrange(..<15, with: #"{"ociVersion": ""#.utf8)
    var array = [UInt8](repeating: 0x5B, count: 100_000_000)
    array.replaceSubrange(..<12, with: #"{"mounts": ["#.utf8)
    let time = clock.measure {
      refuse(string, "more than the limit of 16777216")
      refuse(array, "more than the limit of 16777216")
    }
    #expect(time < .seconds(1))
    // The two texts themselves, and little more.
    #expect(try Self.peakMemory() - before < 300_000_000)
  }

  /// The largest texts that are read: a string, arrays of little elements, and unknown members.
  @Test(arguments: [
    (#""process": {"cwd": "/"#, "x", #"", "args": ["sh"]}"#),
    (#""process": {"cwd": "/", "args": ["sh""#, #","""#, "]}"),
    (#""hooks": {"prestart": [{"path": "/x"}"#, #",{"path":"/x"}"#, "]}"),
    (#""linux": {"maskedPaths": ["""#, #","""#, "]}"),
    (#""linux": {"resources": {"devices": [{"allow": true}"#, #",{"allow":false}"#, "]}}"),
    (#""unknown": [0"#, ",[]", "]"),
  ]) func theLimit(start: String, repeated: String, end: String) throws {
    let before = try Self.peakMemory()
    var bytes = Array("{\(start)".utf8)
    // A quarter of the limit keeps this test short; time and memory grow with the size alone.
    while bytes.count < 4 << 20 { bytes += repeated.utf8 }
    bytes += "\(end)}".utf8
    let time = clock.measure { refuse(bytes, "is missing") }
    #expect(time < .seconds(20))
    #expect(try Self.peakMemory() - before < 600_000_000)
  }

  @Test(arguments: [10_000, 1_000_000]) func levels(depth: Int) {
    for (open, path) in [("[", #""unknown": "#), (#"{"a":"#, #""process": {"x": "#)] {
      var bytes = Array(#"{"ociVersion": "1.0.2", \#(path)"#.utf8)
      for _ in 0..<depth { bytes += open.utf8 }
      refuse(bytes, "is nested deeper than 10000 levels")
    }
    // A level where the specification has no object is refused at once.
    var bytes = Array(#"{"ociVersion": "#.utf8)
    for _ in 0..<depth { bytes.append(UInt8(ascii: "[")) }
    refuse(bytes, "expected a string, found an array")
  }

  @Test func levelsThatAreAllowed() throws {
    let depth = 9_990
    let text =
      #"{"x": \#(String(repeating: "[", count: depth))\#(String(repeating: "]", count: depth)), "#
    #expect(try parse(text + config().dropFirst()) == parse(config()))
  }
}
