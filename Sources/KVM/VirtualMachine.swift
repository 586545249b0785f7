internal import CLinux
public import Linux

/// A machine without processors yet: interrupt controllers, timer, and guest memory.
///
/// Memory given to it must stay mapped, and event descriptors open, as long as it lives.
public final class VirtualMachine: Sendable {
  public let system: System
  let descriptor: FileDescriptor

  /// Where Intel's real mode keeps a task state segment of three pages, below the firmware's end.
  private static let tssAddress: UInt = 0xfffb_d000
  private static let identityMapAddress: UInt64 = 0xfffb_c000

  /// A machine with the in-kernel 8259s, IOAPIC, local APICs and 8254.
  public init(_ system: System) throws(SystemError) {
    self.system = system
    let kvm = system.descriptor.rawValue
    let vm = try Linux.system("KVM_CREATE_VM") { cl_kvm_create_machine(kvm) }
    descriptor = FileDescriptor(owning: vm)
    if system.has(KVM_CAP_SET_IDENTITY_MAP_ADDR) {
      try Linux.system("KVM_SET_IDENTITY_MAP_ADDR") {
        cl_kvm_set_identity_map(vm, Self.identityMapAddress)
      }
    }
    try Linux.system("KVM_SET_TSS_ADDR") { cl_kvm_set_tss_address(vm, Self.tssAddress) }
    try Linux.system("KVM_CREATE_IRQCHIP") { cl_kvm_create_irqchip(vm) }
    try Linux.system("KVM_CREATE_PIT2") { cl_kvm_create_pit(vm) }
  }

  /// Gives the guest `size` bytes at `guestAddress`; a write to read-only ones is an MMIO exit.
  public func setMemory(
    slot: UInt32, guestAddress: UInt64, _ base: UnsafeMutableRawPointer, size: UInt64,
    isReadOnly: Bool = false
  ) throws(SystemError) {
    try Linux.system("KVM_SET_USER_MEMORY_REGION", "slot \(slot)") {
      unsafe cl_kvm_set_memory(
        descriptor.rawValue, slot, isReadOnly, guestAddress, size, base)
    }
  }

  /// Raises an interrupt of the IOAPIC (an edge) each time `event` is signalled.
  public func connect(interrupt gsi: UInt32, to event: CInt) throws(SystemError) {
    try Linux.system("KVM_IRQFD", "interrupt \(gsi)") {
      cl_kvm_irqfd(descriptor.rawValue, event, gsi, true)
    }
  }

  public func disconnect(interrupt gsi: UInt32, from event: CInt) throws(SystemError) {
    try Linux.system("KVM_IRQFD", "interrupt \(gsi)") {
      cl_kvm_irqfd(descriptor.rawValue, event, gsi, false)
    }
  }

  /// Signals `event`, without an exit, when the guest writes the 4-byte `value` to an address.
  public func connect(
    writesOf value: UInt32, at address: UInt64, to event: CInt
  ) throws(SystemError) {
    try Linux.system("KVM_IOEVENTFD", "address 0x\(String(address, radix: 16))") {
      cl_kvm_ioeventfd(descriptor.rawValue, event, address, 4, UInt64(value), true)
    }
  }

  public func disconnect(
    writesOf value: UInt32, at address: UInt64, from event: CInt
  ) throws(SystemError) {
    try Linux.system("KVM_IOEVENTFD", "address 0x\(String(address, radix: 16))") {
      cl_kvm_ioeventfd(descriptor.rawValue, event, address, 4, UInt64(value), false)
    }
  }

  /// The level of an input of the 8259s and the IOAPIC.
  public func setInterrupt(_ gsi: UInt32, to level: Bool) throws(SystemError) {
    try Linux.system("KVM_IRQ_LINE", "interrupt \(gsi)") {
      cl_kvm_irq_line(descriptor.rawValue, gsi, level)
    }
  }
}
