/// Why a processor left the guest; lends the data of the shared page until the next `run`.
public enum Exit: ~Copyable, ~Escapable {
  /// The guest writes to a port: units of `size` bytes (1, 2 or 4), several for string I/O.
  case portOut(port: UInt16, size: Int, data: RawSpan)
  /// The guest reads from a port: what `data` holds at the next `run` is what it reads.
  case portIn(port: UInt16, size: Int, data: MutableRawSpan)
  /// The guest writes 1 to 8 bytes where there is no writable memory.
  case mmioWrite(address: UInt64, data: RawSpan)
  /// The guest reads where there is no memory: what `data` holds at the next `run`.
  case mmioRead(address: UInt64, data: MutableRawSpan)
  /// The guest waits for an interrupt; only without the in-kernel interrupt controllers.
  case halt
  /// A triple fault.
  case shutdown
  /// The guest asks, by a hypercall or alike, for one of KVM_SYSTEM_EVENT_*.
  case systemEvent(type: UInt32)
  /// A signal, or `kick`.
  case interrupted
  /// KVM can't go on; why.
  case failed(KVMFailure)
}

/// A way in which KVM gave up on a guest.
public enum KVMFailure: Sendable, Equatable, CustomStringConvertible {
  /// KVM_EXIT_INTERNAL_ERROR: the sub-error and what KVM tells of it.
  case internalError(suberror: UInt32, data: [UInt64])
  /// KVM_EXIT_FAIL_ENTRY: the processor's reason.
  case entry(reason: UInt64)
  /// KVM_EXIT_UNKNOWN: the hardware's exit reason.
  case unknownHardware(reason: UInt64)
  /// The guest used an address whose memory this process has not: beyond the end of a mapped file, or
  /// of a read-only one.
  case noMemory
  /// An exit that swrun-vmm never asks for, by its number in linux/kvm.h.
  case unexpected(reason: UInt32)

  public var description: String {
    switch self {
    case .internalError(let suberror, let data):
      "KVM_EXIT_INTERNAL_ERROR: \(Self.name(suberror: suberror))\(Self.list(data))"
    case .entry(let reason):
      "KVM_EXIT_FAIL_ENTRY: hardware reason 0x\(String(reason, radix: 16))"
    case .unknownHardware(let reason):
      "KVM_EXIT_UNKNOWN: hardware reason 0x\(String(reason, radix: 16))"
    case .noMemory:
      "the guest used memory that is not there (a file in its DAX window was made shorter by"
        + " somebody else, or can't be read)"
    case .unexpected(let reason): "unexpected KVM exit \(reason)"
    }
  }

  private static func name(suberror: UInt32) -> String {
    switch suberror {
    case 1: "an instruction that KVM can't emulate"
    case 2: "two exceptions at once"
    case 3: "a fault while an event was delivered"
    case 4: "an unexpected exit of the hardware"
    default: "sub-error \(suberror)"
    }
  }

  private static func list(_ data: [UInt64]) -> String {
    data.isEmpty
      ? "" : " (data " + data.map { "0x" + String($0, radix: 16) }.joined(separator: " ") + ")"
  }
}
