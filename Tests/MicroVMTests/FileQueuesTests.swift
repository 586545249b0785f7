import Linux
import OCISpec
import Testing

@testable import MicroVM

@Suite struct FileQueuesTests {
  private func count(_ annotation: String?) throws -> Int {
    var spec = Spec(ociVersion: "1.2.0")
    spec.annotations[FileQueues.annotation] = annotation
    return try FileQueues.count(spec)
  }

  @Test func isANumberInAnAnnotation() throws {
    #expect(try count(nil) == 1)
    for number in [1, 4, 16] { #expect(try count("\(number)") == number) }
    for text in ["", "0", "17", "-1", "two", "1 ", "99999999999999999999"] {
      let error = #expect(throws: RuntimeError.self) { try count(text) }
      #expect(error.map { "\($0)" }?.contains(FileQueues.annotation) == true)
    }
  }
}
