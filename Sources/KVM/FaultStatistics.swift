internal import CLinux
public import Linux

/// A processor's accesses to guest memory that KVM had to see to, as its statistics count them.
///
/// An access to memory behind which there is none (a file's end) is no error of KVM_RUN while the
/// guest takes interrupts: KVM fetches the page aside, in vain, and lets the guest try again, for ever.
public final class FaultStatistics: Sendable {
  private let descriptor: FileDescriptor
  private let taken: Int64
  /// Counted in these, a fault is done with.
  private let resolved: [Int64]

  /// An error is ENOENT or ENOTTY where the kernel does not count them (it does from Linux 5.19 on).
  public init(_ vcpu: VCPU) throws(SystemError) {
    let subject = "processor \(vcpu.index)"
    let fd = try system("KVM_GET_STATS_FD", subject) {
      cl_kvm_statistics(vcpu.descriptor.rawValue)
    }
    descriptor = FileDescriptor(owning: fd)
    func place(_ name: String) throws(SystemError) -> Int64 {
      try system("statistics of KVM", "\(name), \(subject)") {
        unsafe cl_kvm_statistic(fd, name)
      }
    }
    taken = try place("pf_taken")
    var resolved: [Int64] = []
    for name in ["pf_fixed", "pf_emulate", "pf_spurious"] { resolved.append(try place(name)) }
    self.resolved = resolved
  }

  /// Faults that were not resolved when KVM looked at them, since the processor began; those that
  /// wait for a disk are among them until they are. nil where the kernel does not tell.
  public func unresolved() -> UInt64? {
    guard var count = read(taken) else { return nil }
    for place in resolved {
      guard let part = read(place) else { return nil }
      count = count > part ? count - part : 0
    }
    return count
  }

  private func read(_ place: Int64) -> UInt64? {
    var value: UInt64 = 0
    return unsafe cl_kvm_read_statistic(descriptor.rawValue, place, &value) == 0 ? value : nil
  }
}
