internal import CLinux
public import Linux

extension VCPU {
  /// What the processor's registers hold, as text for a message; only while nobody runs it.
  public func registers() throws(SystemError) -> String {
    var general = kvm_regs()
    var special = kvm_sregs()
    let vcpu = descriptor.rawValue
    try system("KVM_GET_REGS") { unsafe cl_kvm_get_regs(vcpu, &general) }
    try system("KVM_GET_SREGS") { unsafe cl_kvm_get_sregs(vcpu, &special) }
    func hex(_ value: some BinaryInteger, _ width: Int = 16) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    func segment(_ segment: kvm_segment) -> String { hex(segment.selector, 4) }
    return """
      processor \(index)
      rip \(hex(general.rip)) rsp \(hex(general.rsp)) rflags \(hex(general.rflags, 8))
      rax \(hex(general.rax)) rbx \(hex(general.rbx)) rcx \(hex(general.rcx)) rdx \(hex(general.rdx))
      rsi \(hex(general.rsi)) rdi \(hex(general.rdi)) rbp \(hex(general.rbp)) r8  \(hex(general.r8))
      r9  \(hex(general.r9)) r10 \(hex(general.r10)) r11 \(hex(general.r11)) r12 \(hex(general.r12))
      r13 \(hex(general.r13)) r14 \(hex(general.r14)) r15 \(hex(general.r15))
      cr0 \(hex(special.cr0, 8)) cr2 \(hex(special.cr2)) cr3 \(hex(special.cr3)) cr4 \(hex(special.cr4, 8)) efer \(hex(special.efer, 4))
      cs \(segment(special.cs)) ds \(segment(special.ds)) es \(segment(special.es)) fs \(segment(special.fs)) gs \(segment(special.gs)) ss \(segment(special.ss)) tr \(segment(special.tr))
      gdt \(hex(special.gdt.base)) \(hex(special.gdt.limit, 4)) idt \(hex(special.idt.base)) \(hex(special.idt.limit, 4))
      """
  }
}
