import Testing

@testable import KVM

@Suite struct CPUIDTests {
  private func amd(_ leaves: [CPUID.Leaf]) -> CPUID {
    CPUID(leaves: [.init(function: 0, eax: 0x10, ebx: 0x6874_7541)] + leaves)
  }

  private func intel(_ leaves: [CPUID.Leaf]) -> CPUID {
    CPUID(leaves: [.init(function: 0, eax: 0x1f, ebx: 0x756e_6547)] + leaves)
  }

  @Test func leafOneNamesTheProcessor() throws {
    let all = intel([
      .init(function: 1, ebx: 0xff_ff_08_00, ecx: .max, edx: .max), .init(function: 0xd, eax: 7),
    ])
    let leaf = try #require(all.filtered(processor: 5, of: 6, tscDeadline: true).leaf(1))
    #expect(leaf.ebx == 0x05_08_08_00)
    #expect(leaf.ecx & 1 << 31 != 0, "hypervisor")
    #expect(leaf.ecx & 1 << 24 != 0, "TSC deadline")
    #expect(leaf.ecx & 1 << 21 != 0, "x2APIC stays")
    #expect(leaf.ecx & 1 << 5 == 0, "VMX")
    #expect(leaf.ecx & 1 << 15 == 0, "PDCM")
    #expect(leaf.edx & 1 << 28 != 0, "several processors")
    let single = try #require(all.filtered(processor: 0, of: 1, tscDeadline: false).leaf(1))
    #expect(single.edx & 1 << 28 == 0)
    #expect(single.ecx & 1 << 24 == 0)
    #expect(single.ebx == 0x00_01_08_00)
  }

  @Test func theTopologyIsCoresOfOnePackage() throws {
    let offered = intel([
      .init(function: 0xb, index: 0, flags: 1, eax: 1, ebx: 2, ecx: 0x100, edx: 77),
      .init(function: 0xb, index: 1, flags: 1, eax: 6, ebx: 64, ecx: 0x201, edx: 77),
      .init(function: 0x1f, index: 0, flags: 1, eax: 1, ebx: 2, ecx: 0x100, edx: 77),
      .init(function: 4, index: 0, flags: 1, eax: 0xfc00_4121),
      .init(function: 4, index: 3, flags: 1, eax: 0xfc1f_c163),
      .init(function: 4, index: 4, flags: 1),
    ])
    let made = offered.filtered(processor: 3, of: 5, tscDeadline: true)
    #expect(made.leaf(0x1f) == nil)
    #expect(made.leaves.count { $0.function == 0xb } == 3)
    #expect(made.leaf(0xb, 0)?.ebx == 1)
    #expect(made.leaf(0xb, 1)?.eax == 3)
    #expect(made.leaf(0xb, 1)?.ebx == 5)
    #expect(made.leaves.allSatisfy { $0.function != 0xb || $0.edx == 3 })
    #expect(made.leaf(4, 0)?.eax == 0x1000_0121)
    #expect(made.leaf(4, 3)?.eax == 0x1001_c163)
    #expect(made.leaf(4, 4)?.eax == 0)
  }

  @Test func amdTopologyFollows() throws {
    let made = amd([
      .init(function: 0x8000_0001, ecx: .max), .init(function: 0x8000_0008, ecx: 0xf03f),
      .init(function: 0x8000_000a, eax: 1, edx: .max),
      .init(function: 0x8000_001d, index: 3, flags: 1, eax: 0x3fc163),
      .init(function: 0x8000_001e, eax: 99, ebx: 0x0107, ecx: 3),
    ]).filtered(processor: 9, of: 32, tscDeadline: true)
    #expect(made.leaf(0x8000_0001)!.ecx & 1 << 2 == 0, "SVM")
    #expect(made.leaf(0x8000_0001)!.ecx & 1 << 1 != 0, "cores")
    #expect(made.leaf(0x8000_0001)!.ecx & 1 << 22 != 0, "topology extensions")
    #expect(made.leaf(0x8000_0008)?.ecx == 0x501f)
    #expect(made.leaf(0x8000_000a)?.edx == 0)
    #expect(made.leaf(0x8000_001d, 3)?.eax == 0x7c163)
    #expect(made.leaf(0x8000_001e)?.eax == 9)
    #expect(made.leaf(0x8000_001e)?.ebx == 9)
  }

  @Test func vectorInstructionsNeedTheirState() throws {
    let leaves: [CPUID.Leaf] = [
      .init(function: 1, ecx: .max),
      .init(function: 7, index: 0, flags: 1, ebx: .max, ecx: .max, edx: .max),
      .init(function: 0x1d, index: 1, flags: 1, eax: 1),
    ]
    let full = intel(leaves + [.init(function: 0xd, index: 0, flags: 1, eax: 0x600e7)])
      .filtered(processor: 0, of: 1, tscDeadline: false)
    #expect(full.leaf(7)!.edx & 1 << 24 != 0, "AMX")
    #expect(full.leaf(7)!.ebx & 1 << 16 != 0, "AVX-512")
    let avx = intel(leaves + [.init(function: 0xd, index: 0, flags: 1, eax: 7)])
      .filtered(processor: 0, of: 1, tscDeadline: false)
    #expect(avx.leaf(1)!.ecx & 1 << 28 != 0, "AVX")
    #expect(avx.leaf(7)!.ebx & 1 << 5 != 0, "AVX2")
    #expect(avx.leaf(7)!.ebx & 1 << 16 == 0, "AVX-512")
    #expect(avx.leaf(7)!.edx & (1 << 22 | 1 << 24 | 1 << 25) == 0, "AMX")
    #expect(avx.leaf(0x1d, 1) == nil)
    var without = leaves
    without[0].ecx &= ~(1 << 26)
    let none = intel(without + [.init(function: 0xd, index: 0, flags: 1, eax: 7)])
      .filtered(processor: 0, of: 1, tscDeadline: false)
    #expect(none.leaf(0xd) == nil)
    #expect(none.leaf(1)!.ecx & (1 << 12 | 1 << 28 | 1 << 29) == 0)
    #expect(none.leaf(7)!.ebx & 1 << 5 == 0)
  }

  @Test func paravirtualLeavesStay() {
    let made = intel([
      .init(function: 0x4000_0000, eax: 0x4000_0001, ebx: 0x4b4d_564b),
      .init(function: 0x4000_0001, eax: 0x0100_7efb), .init(function: 0xa, eax: 0x0730_0404),
    ]).filtered(processor: 0, of: 1, tscDeadline: true)
    #expect(made.leaf(0x4000_0000)?.ebx == 0x4b4d_564b)
    #expect(made.leaf(0x4000_0001)?.eax == 0x0100_7efb)
    #expect(made.leaf(0xa)?.eax == 0, "performance counters")
  }
}
