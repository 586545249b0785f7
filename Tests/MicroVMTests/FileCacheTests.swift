import Linux
import MachinePlan
import OCISpec
import Testing

@testable import MicroVM

@Suite struct FileCacheTests {
  private func mode(_ annotation: String?) throws -> MachinePlan.CacheMode {
    var spec = Spec(ociVersion: "1.2.0")
    spec.annotations[FileCache.annotation] = annotation
    return try FileCache.mode(spec)
  }

  @Test func isNamedByAnAnnotation() throws {
    #expect(try mode(nil) == .auto)
    for name in ["none", "auto", "always"] { #expect(try mode(name).rawValue == name) }
    for name in ["", "Always", "writeback"] {
      let error = #expect(throws: RuntimeError.self) { try mode(name) }
      #expect(error.map { "\($0)" }?.contains(FileCache.annotation) == true)
    }
  }
}
