import Linux
import MachinePlan
import OCISpec
import Testing

@testable import MicroVM

@Suite struct DirectAccessTests {
  private func size(
    _ annotation: String?, _ engine: MachinePlan.Engine = .kvm, memory: UInt64 = 512 << 20
  ) throws -> Int {
    var spec = Spec(ociVersion: "1.2.0")
    spec.annotations[DirectAccess.annotation] = annotation
    return try DirectAccess.windowSize(spec, engine, guestMemory: memory)
  }

  @Test func isNoneWithoutTheAnnotation() throws {
    for engine in [MachinePlan.Engine.kvm, .qemu] {
      #expect(try size(nil, engine) == 0)
      #expect(try size("0", engine) == 0)
    }
  }

  @Test func isInMebibytes() throws {
    #expect(try size("2") == 2 << 20)
    #expect(try size("1024") == 1 << 30)
    #expect(try size("8192") == 8 << 30)
    #expect(try size("32768", memory: 64 << 30) == 32 << 30)
  }

  @Test func namesWhatIsWrong() throws {
    for text in ["", "1", "-2", "1G", "9223372036854775806", "99999999999999999999", "8194", " 2"] {
      let error = #expect(throws: RuntimeError.self) { try size(text) }
      #expect(error.map { "\($0)" }?.contains(DirectAccess.annotation) == true, "\(text)")
    }
    #expect(throws: RuntimeError.self) { try size("32770", memory: 64 << 30) }
    let error = #expect(throws: RuntimeError.self) { try size("1024", .qemu) }
    #expect(error.map { "\($0)" }?.contains("engine qemu") == true)
  }
}
