extension CPUID.Leaf {
  /// Clears the bits of one register.
  private static func clear(_ register: inout UInt32, _ bits: Int...) {
    for bit in bits { register &= ~(1 << UInt32(bit)) }
  }

  private mutating func clearAll() { (eax, ebx, ecx, edx) = (0, 0, 0, 0) }

  /// Takes away what needs more than this VMM gives: nested virtualization, performance counters,
  /// enclaves, tracing, and power states (Intel SDM 2A and AMD APM 3, CPUID).
  mutating func hide() {
    switch function {
    case 1:
      // DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, PDCM, DCA; OSXSAVE is the guest's to set.
      Self.clear(&ecx, 2, 3, 4, 5, 6, 7, 8, 15, 18, 27)
      // DS, ACPI, TM, PBE.
      Self.clear(&edx, 21, 22, 29, 31)
    case 6:
      // ARAT alone: the APIC's timer runs always.
      (eax, ebx, ecx, edx) = (eax & 1 << 2, 0, 0, 0)
    case 7 where index == 0:
      // SGX, RDT monitoring, RDT allocation, processor trace.
      Self.clear(&ebx, 2, 12, 15, 25)
      // SGX launch control; WAITPKG would need MSRs of power states.
      Self.clear(&ecx, 5, 30)
      // Hybrid, architectural LBR.
      Self.clear(&edx, 15, 19)
    case 5, 0xa, 0xf, 0x10, 0x12, 0x14, 0x1b, 0x1c, 0x23:
      clearAll()
    case 0x8000_0001:
      // SVM, IBS, SKINIT, WDT, LWP, NodeID MSR, counters of core, northbridge and L2, MWAITX.
      Self.clear(&ecx, 2, 10, 12, 13, 15, 19, 23, 24, 27, 28, 29)
    case 0x8000_000a, 0x8000_001b, 0x8000_001c, 0x8000_001f, 0x8000_0020, 0x8000_0022,
      0x8000_0023, 0x8000_0026:
      clearAll()
    default: break
    }
  }

  /// States which processor this is and how many there are, and who runs it.
  mutating func describe(_ topology: Topology, isAMD: Bool, tscDeadline: Bool) {
    let others = topology.count - 1
    switch function {
    case 1:
      ebx = ebx & 0x0000_ffff | topology.processor << 24 | min(1 << topology.coreBits, 255) << 16
      edx = topology.count > 1 ? edx | 1 << 28 : edx & ~(1 << 28)
      ecx |= 1 << 31
      ecx = tscDeadline ? ecx | 1 << 24 : ecx & ~(1 << 24)
    case 4 where eax & 0x1f != 0:
      // The third level is everybody's, the others a core's own.
      let sharers = eax >> 5 & 7 >= 3 ? (1 << topology.coreBits) - 1 : 0
      eax = eax & 0x3fff | min(UInt32(sharers), 0xfff) << 14 | min(others, 63) << 26
    case 0x8000_0001 where isAMD:
      // CmpLegacy: the threads that leaf 1 counts are cores.
      ecx = topology.count > 1 ? ecx | 1 << 1 : ecx & ~(1 << 1)
    case 0x8000_0008:
      ecx = isAMD ? others | topology.coreBits << 12 : 0
    case 0x8000_001d where eax & 0x1f != 0:
      eax = eax & 0x3fff | (eax >> 5 & 7 >= 3 ? others : 0) << 14
    case 0x8000_001e:
      (eax, ebx, ecx, edx) =
        isAMD ? (topology.processor, topology.processor & 0xff, 0, 0) : (0, 0, 0, 0)
    default: break
    }
  }

  /// Takes away vector instructions whose registers the guest could not save.
  mutating func limitVectors(avx: Bool, avx512: Bool, amx: Bool) {
    switch function {
    case 1 where !avx:
      // FMA, AVX, F16C.
      Self.clear(&ecx, 12, 28, 29)
    case 7 where index == 0:
      if !avx {
        Self.clear(&ebx, 5)
        // VAES, VPCLMULQDQ.
        Self.clear(&ecx, 9, 10)
      }
      if !avx512 {
        Self.clear(&ebx, 16, 17, 21, 26, 27, 28, 30, 31)
        Self.clear(&ecx, 1, 6, 11, 12, 14)
        Self.clear(&edx, 2, 3, 8, 23)
      }
      if !amx { Self.clear(&edx, 22, 24, 25) }
    case 7 where index == 1:
      if !avx {
        // AVX-VNNI, AVX-IFMA; AVX-VNNI-INT8, AVX-NE-CONVERT, AVX-VNNI-INT16, AVX10; SHA512, SM3, SM4.
        Self.clear(&eax, 0, 1, 2, 4, 23)
        Self.clear(&edx, 4, 5, 10, 19)
      }
      if !avx512 {
        Self.clear(&eax, 5)
        Self.clear(&edx, 19)
      }
      if !amx {
        Self.clear(&eax, 21)
        Self.clear(&edx, 8)
      }
    case 0x8000_0001 where !avx:
      // XOP, FMA4.
      Self.clear(&ecx, 11, 16)
    default: break
    }
  }
}
