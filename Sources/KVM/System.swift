internal import CLinux
public import Linux

/// The kernel's KVM as a whole: /dev/kvm, checked for all that swrun-vmm needs of it.
public final class System: Sendable {
  let descriptor: FileDescriptor
  /// The size of the page area that a processor shares with this process.
  let runSize: Int
  /// How many processors a machine may have.
  public let maximumProcessors: Int

  /// What a machine can't do without (Documentation/virt/kvm/api.rst).
  private static let needed: [(CInt, StaticString)] = [
    (KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP"),
    (KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"),
    (KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR"),
    (KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"),
    (KVM_CAP_PIT2, "KVM_CAP_PIT2"),
    (KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE"),
    (KVM_CAP_IRQFD, "KVM_CAP_IRQFD"),
    (KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD"),
    (KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM"),
    (KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"),
  ]

  /// Opens /dev/kvm; the error names what is missing.
  public convenience init(path: String = "/dev/kvm") throws(RuntimeError) {
    let descriptor: FileDescriptor
    do throws(SystemError) {
      descriptor = try FileDescriptor.open(path, O_RDWR | O_CLOEXEC)
    } catch {
      throw RuntimeError("KVM", error, advice: Self.advice(error.errno))
    }
    try self.init(owning: descriptor, path: path)
  }

  /// As `init(path:)`, of a descriptor that is open already.
  public init(owning descriptor: consuming FileDescriptor, path: String = "/dev/kvm")
    throws(RuntimeError)
  {
    let kvm = descriptor.rawValue
    let version = try step("KVM") { () throws(SystemError) in
      try system("KVM_GET_API_VERSION", path) { cl_kvm_api_version(kvm) }
    }
    guard version == KVM_API_VERSION else {
      throw RuntimeError("KVM: \(path) has API version \(version), not \(KVM_API_VERSION)")
    }
    for (capability, name) in Self.needed {
      guard cl_kvm_check(kvm, UInt(capability)) > 0 else {
        throw RuntimeError(
          "KVM: \(path) lacks \(name)", advice: "Linux 4.14 or newer on x86-64 has it")
      }
    }
    let size = try step("KVM") { () throws(SystemError) in
      try system("KVM_GET_VCPU_MMAP_SIZE", path) { cl_kvm_run_size(kvm) }
    }
    runSize = Int(size)
    maximumProcessors = max(1, Int(cl_kvm_check(kvm, UInt(KVM_CAP_MAX_VCPUS))))
    self.descriptor = descriptor
  }

  private static func advice(_ errno: CInt) -> String? {
    switch errno {
    case ENOENT: "load the module kvm_intel or kvm_amd; a virtual host needs nested virtualization"
    case EACCES, EPERM: "be root or in the group that owns /dev/kvm"
    case ENODEV, ENXIO: "the processor's virtualization is switched off in the firmware"
    default: nil
    }
  }

  /// Whether there is a capability, by its number in linux/kvm.h.
  func has(_ capability: CInt) -> Bool {
    cl_kvm_check(descriptor.rawValue, UInt(capability)) > 0
  }

  /// What KVM can offer a processor, unfiltered.
  public func supportedCPUID() throws(SystemError) -> CPUID {
    var entries = [kvm_cpuid_entry2](
      repeating: kvm_cpuid_entry2(), count: Int(CL_KVM_CPUID_ENTRIES))
    let count = try system("KVM_GET_SUPPORTED_CPUID") {
      unsafe cl_kvm_supported_cpuid(descriptor.rawValue, &entries)
    }
    return CPUID(
      leaves: entries[..<Int(count)].map {
        CPUID.Leaf(
          function: $0.function, index: $0.index, flags: $0.flags, eax: $0.eax, ebx: $0.ebx,
          ecx: $0.ecx, edx: $0.edx)
      })
  }
}
