import Linux
import Testing

@testable import KVM

@Suite struct ProbeTests {
  @Test func theGuestOfTheProbeFollowsItsProcessor() {
    let none = ProbeGuest(CPUID(leaves: [.init(function: 1)]))
    #expect(none.steps.map(\.description) == ["the first instruction", "ldmxcsr", "fxrstor64"])
    let all = ProbeGuest(CPUID(leaves: [.init(function: 1, ecx: 1 << 13 | 1 << 26)]))
    #expect(all.steps.map(\.description).contains("lock cmpxchg16b"))
    #expect(all.steps.last?.description == "xrstor64")
    #expect(all.code.count < 0x1000)
  }

  @Test func aMissingDeviceIsNamed() {
    guard case .unusable(let reason) = Probe.run(path: "/dev/kvm-that-is-not-there") else {
      Issue.record("a file that is not there is usable")
      return
    }
    #expect(reason.contains("/dev/kvm-that-is-not-there"))
    #expect(reason.contains("No such file"))
  }

  @Test func anotherDeviceIsRefused() {
    guard case .unusable(let reason) = Probe.run(path: "/dev/null") else {
      Issue.record("/dev/null is usable")
      return
    }
    #expect(reason.contains("KVM_GET_API_VERSION"))
  }

  @Test(.enabled(if: TinyGuests.run)) func theResultFollowsTheProcessor() throws {
    let flags = try File.readText("/proc/cpuinfo").split(whereSeparator: \.isWhitespace)
    let result = Probe.run()
    print("KVMTests: probe: \(result)")
    if flags.contains("svm") || flags.contains("vmx") {
      #expect(result == .usable)
    } else {
      guard case .unusable(let reason) = result else {
        Issue.record("usable without vmx or svm")
        return
      }
      #expect(reason.contains("emulated in software"))
    }
  }
}
