import Linux
import Testing

@testable import Isolation

@Suite struct ContainerIDTests {
  @Test(arguments: ["a", "A_1", "x+y-z.1,2", "...", "-", String(repeating: "i", count: 255)])
  func accepts(_ id: String) throws { #expect(try ContainerID(id).value == id) }

  @Test(arguments: [
    "", ".", "..", "a/b", "/", "a b", "a\0b", "é", "a\n", "a:b", "a*",
    String(repeating: "i", count: 256),
  ])
  func refuses(_ id: String) {
    #expect(throws: RuntimeError.self) { try ContainerID(id) }
  }
}

@Suite struct TimestampTests {
  @Test func formatsAsGoDoes() {
    #expect(Timestamp.rfc3339(nanoseconds: 0) == "1970-01-01T00:00:00.000000000Z")
    #expect(
      Timestamp.rfc3339(nanoseconds: 951_782_400_000_000_001) == "2000-02-29T00:00:00.000000001Z")
    #expect(
      Timestamp.rfc3339(nanoseconds: 1_795_247_104_123_456_789)
        == "2026-11-21T08:05:04.123456789Z")
    #expect(Timestamp.rfc3339(nanoseconds: -1) == "1969-12-31T23:59:59.999999999Z")
  }
}
