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
