import OCISpec
import Testing

@testable import MicroVM

struct ResourceSplitTests {
  private let mebibyte: Int64 = 1 << 20

  private func limit(_ text: String, _ machine: [String: String]) throws -> Int64? {
    let resources = try Spec.Linux.Resources(parsing: Array(text.utf8))
    return ResourceSplit.host(resources, machine: machine).memory?.limit
  }

  @Test func theMonitorAndTheGuestsKernelComeOnTop() throws {
    let text = #"{"memory":{"limit":67108864}}"#
    #expect(try limit(text, ["engine": "kvm"]) == 256 * mebibyte)
    // Its translated code alone is 128 MiB.
    #expect(try limit(text, ["engine": "qemu"]) == 448 * mebibyte)
  }

  @Test func aLargerMachineHasAllOfItsMemory() throws {
    let machine = ["engine": "kvm", "memory": "1073741824"]
    #expect(try limit(#"{"memory":{"limit":67108864}}"#, machine) == 1088 * mebibyte)
  }

  @Test func noLimitStaysNone() throws {
    #expect(try limit(#"{"memory":{"limit":-1}}"#, ["engine": "qemu"]) == -1)
    #expect(try limit("{}", ["engine": "qemu"]) == nil)
  }

  @Test func theLargestLimitIsNoTrap() throws {
    #expect(
      try limit(#"{"memory":{"limit":9223372036854775807}}"#, ["engine": "kvm"]) == Int64.max)
  }
}
