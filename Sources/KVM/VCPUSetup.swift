internal import CLinux
public import Linux

extension VCPU {
  /// Registers of a model that must have a known value before the guest runs; linux/kvm.h has no
  /// names for them (Intel SDM 4, table 2-2; AMD APM 2, appendix A).
  private static let modelRegisters: [(UInt32, UInt64, StaticString)] = [
    (0x174, 0, "SYSENTER_CS"),
    (0x175, 0, "SYSENTER_ESP"),
    (0x176, 0, "SYSENTER_EIP"),
    (0xc000_0081, 0, "STAR"),
    (0xc000_0082, 0, "LSTAR"),
    (0xc000_0083, 0, "CSTAR"),
    (0xc000_0084, 0, "SYSCALL_MASK"),
    (0xc000_0102, 0, "KERNEL_GS_BASE"),
    (0x10, 0, "TSC"),
    // Fast strings.
    (0x1a0, 1, "MISC_ENABLE"),
    // MTRRs on, write-back where none says otherwise.
    (0x2ff, 0x806, "MTRR_DEF_TYPE"),
  ]

  /// Prepares the processor, one of `count`: what it is, its state after the firmware's work, and
  /// for the first one the registers with which the kernel begins.
  public func configure(
    _ supported: CPUID, count: Int, state: ProcessorState?
  ) throws(SystemError) {
    let vcpu = descriptor.rawValue
    let name = "processor \(index)"
    let cpuid = supported.filtered(
      processor: index, of: count, tscDeadline: machine.system.has(KVM_CAP_TSC_DEADLINE_TIMER))
    let entries = cpuid.leaves.map {
      var entry = kvm_cpuid_entry2()
      (entry.function, entry.index, entry.flags) = ($0.function, $0.index, $0.flags)
      (entry.eax, entry.ebx, entry.ecx, entry.edx) = ($0.eax, $0.ebx, $0.ecx, $0.edx)
      return entry
    }
    try system("KVM_SET_CPUID2", name) {
      unsafe cl_kvm_set_cpuid(vcpu, entries, CInt(entries.count))
    }
    for (register, value, title) in Self.modelRegisters {
      let count = try system("KVM_SET_MSRS", name) { cl_kvm_set_msr(vcpu, register, value) }
      if count != 1 { throw SystemError(EINVAL, "KVM_SET_MSRS", "\(name): \(title)") }
    }
    try system("KVM_SET_FPU", name) { cl_kvm_set_fpu(vcpu, 0x37f, 0x1f80) }
    try system("KVM_SET_LAPIC", name) { cl_kvm_set_local_interrupts(vcpu) }
    if let state { try set(state) }
  }

  /// The registers with which the processor begins.
  public func set(_ state: ProcessorState) throws(SystemError) {
    let vcpu = descriptor.rawValue
    let name = "processor \(index)"
    var special = kvm_sregs()
    try system("KVM_GET_SREGS", name) { unsafe cl_kvm_get_sregs(vcpu, &special) }
    (special.cr0, special.cr3, special.cr4) = (state.cr0, state.cr3, state.cr4)
    special.efer = state.efer
    special.gdt.base = state.gdtBase
    special.gdt.limit = state.gdtLimit
    special.cs = kvm_segment(state.code)
    let data = kvm_segment(state.data)
    (special.ds, special.es, special.fs, special.gs, special.ss) = (data, data, data, data, data)
    special.tr = kvm_segment(state.task)
    try system("KVM_SET_SREGS", name) { unsafe cl_kvm_set_sregs(vcpu, &special) }
    var general = kvm_regs()
    (general.rip, general.rsp, general.rflags) = (state.rip, state.rsp, state.rflags)
    (general.rbx, general.rsi) = (state.rbx, state.rsi)
    try system("KVM_SET_REGS", name) { unsafe cl_kvm_set_regs(vcpu, &general) }
  }
}

extension kvm_segment {
  fileprivate init(_ segment: ProcessorState.Segment) {
    self.init()
    selector = segment.selector
    base = segment.base
    limit = segment.limit
    let bits = segment.attributes
    func bit(_ number: UInt16) -> UInt8 { UInt8(bits >> number & 1) }
    type = UInt8(bits & 0xf)
    (s, present, avl, l, db, g) = (bit(4), bit(7), bit(12), bit(13), bit(14), bit(15))
    dpl = UInt8(bits >> 5 & 3)
    unusable = 1 - bit(7)
  }
}
