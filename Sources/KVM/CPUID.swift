/// What the CPUID instruction answers on one processor.
public struct CPUID: Sendable, Equatable {
  /// One answer: of a function, and of a sub-function where `flags` says that the index counts.
  public struct Leaf: Sendable, Equatable {
    public var function: UInt32
    public var index: UInt32
    /// Bit 0: the index is significant (KVM_CPUID_FLAG_SIGNIFCANT_INDEX).
    public var flags: UInt32
    public var eax: UInt32
    public var ebx: UInt32
    public var ecx: UInt32
    public var edx: UInt32

    public init(
      function: UInt32, index: UInt32 = 0, flags: UInt32 = 0, eax: UInt32 = 0, ebx: UInt32 = 0,
      ecx: UInt32 = 0, edx: UInt32 = 0
    ) {
      self.function = function
      self.index = index
      self.flags = flags
      self.eax = eax
      self.ebx = ebx
      self.ecx = ecx
      self.edx = edx
    }
  }

  public var leaves: [Leaf]

  public init(leaves: [Leaf]) { self.leaves = leaves }

  public func leaf(_ function: UInt32, _ index: UInt32 = 0) -> Leaf? {
    leaves.first { $0.function == function && ($0.flags & 1 == 0 || $0.index == index) }
  }

  /// The largest basic function.
  var maximum: UInt32 { leaf(0)?.eax ?? 0 }

  /// Whether the processor has random numbers of its own (RDRAND).
  public var hasRandomNumbers: Bool { (leaf(1)?.ecx ?? 0) & 1 << 30 != 0 }

  /// Whether the vendor string begins as AMD's or Hygon's does.
  var isAMD: Bool {
    let vendor = leaf(0)?.ebx
    return vendor == 0x6874_7541 || vendor == 0x6f67_7948
  }
}

/// Which processor of how many; each is a core of its own in one package.
struct Topology {
  let processor: UInt32
  let count: UInt32

  /// How many bits of the APIC id name a core.
  var coreBits: UInt32 { count <= 1 ? 0 : 32 - UInt32((count - 1).leadingZeroBitCount) }
}

extension CPUID {
  /// What a guest's processor answers: what KVM offers, without what can't work in this VMM, with
  /// the topology of `count` cores in one package.
  public func filtered(processor: Int, of count: Int, tscDeadline: Bool) -> CPUID {
    let topology = Topology(processor: UInt32(processor), count: UInt32(count))
    var result = CPUID(leaves: leaves.filter { $0.function != 0xb && $0.function != 0x1f })
    let isAMD = isAMD
    for index in result.leaves.indices {
      result.leaves[index].hide()
      result.leaves[index].describe(topology, isAMD: isAMD, tscDeadline: tscDeadline)
    }
    result.makeVectorStateConsistent()
    if maximum >= 0xb { result.addTopologyLeaves(topology) }
    return result
  }

  /// Leaf 0xb (Intel SDM 2A, CPUID): threads of a core, cores of the package, the end. Leaf 0x1f is
  /// not there: the guest then uses this one.
  private mutating func addTopologyLeaves(_ topology: Topology) {
    let id = topology.processor
    leaves += [
      Leaf(function: 0xb, index: 0, flags: 1, eax: 0, ebx: 1, ecx: 1 << 8, edx: id),
      Leaf(
        function: 0xb, index: 1, flags: 1, eax: topology.coreBits, ebx: topology.count,
        ecx: 2 << 8 | 1, edx: id),
      Leaf(function: 0xb, index: 2, flags: 1, ecx: 2, edx: id),
    ]
  }

  /// Takes away AVX where there is no XSAVE or no room for its registers, and AMX where the host
  /// did not permit its state: a guest that believed one without the other would fault.
  private mutating func makeVectorStateConsistent() {
    let hasXSAVE = (leaf(1)?.ecx ?? 0) & 1 << 26 != 0
    let state = hasXSAVE ? leaf(0xd)?.eax ?? 0 : 0
    let hasAVX = state & 0x6 == 0x6
    let hasAVX512 = state & 0xe6 == 0xe6
    let hasAMX = state & 0x6_0000 == 0x6_0000
    leaves.removeAll { leaf in
      (leaf.function == 0xd && !hasXSAVE)
        || ((leaf.function == 0x1d || leaf.function == 0x1e) && !hasAMX)
        || (leaf.function == 0x24 && !hasAVX512)
    }
    for index in leaves.indices {
      leaves[index].limitVectors(avx: hasAVX, avx512: hasAVX512, amx: hasAMX)
    }
  }
}
