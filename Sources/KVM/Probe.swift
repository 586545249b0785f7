internal import CLinux
public import Linux

/// Whether this machine's KVM really runs guests. Some are software without vmx or svm: they open
/// and start, and fail at instructions that every kernel has.
public enum Probe {
  public enum Result: Sendable, Equatable {
    case usable
    /// Why not, as the end of a sentence that begins with /dev/kvm.
    case unusable(String)
  }

  /// Runs a tiny guest, for `timeLimit` milliseconds at most.
  public static func run(path: String = "/dev/kvm", timeLimit: CInt = 5000) -> Result {
    do throws(RuntimeError) {
      return try run(System(path: path), timeLimit: timeLimit)
    } catch {
      return .unusable(error.description)
    }
  }

  /// As above, of an open /dev/kvm.
  public static func run(_ system: System, timeLimit: CInt = 5000) throws(RuntimeError) -> Result {
    try step("KVM") { () throws(SystemError) in
      let trial = try Trial(system)
      return try trial.result(timeLimit: timeLimit)
    }
  }
}

/// One run of the probe's guest on a thread of its own.
private final class Trial: Sendable {
  private let vcpu: VCPU
  private let memory: ScratchMemory
  private let guest: ProbeGuest
  private let finished: FileDescriptor
  private let outcome = Locked<Probe.Result?>(nil)

  init(_ system: System) throws(SystemError) {
    let machine = try VirtualMachine(system)
    memory = try ScratchMemory(size: 0x10000)
    vcpu = try VCPU(machine, index: 0)
    finished = FileDescriptor(owning: try Linux.system("eventfd") { cl_eventfd(0) })
    let cpuid = try system.supportedCPUID()
    guest = ProbeGuest(cpuid.filtered(processor: 0, of: 1, tscDeadline: false))
    memory.write(guest.code, at: ProbeGuest.entry)
    unsafe try machine.setMemory(
      slot: 0, guestAddress: 0, memory.base, size: UInt64(memory.size))
    try vcpu.configure(
      cpuid, count: 1, state: .longMode(memory, rip: UInt64(ProbeGuest.entry)))
  }

  func result(timeLimit: CInt) throws(SystemError) -> Probe.Result {
    let thread = try Thread("probe") { self.run() }
    if !waits(timeLimit) {
      vcpu.kick()
      if !waits(1000) {
        thread.detach()
        return .unusable("does not come back from a guest, not even for a signal")
      }
    }
    thread.join()
    return outcome.withLock { $0 } ?? .unusable("gives no result")
  }

  /// Whether the guest's thread ends within the time.
  private func waits(_ milliseconds: CInt) -> Bool {
    var event = pollfd(fd: finished.rawValue, events: Int16(POLLIN), revents: 0)
    return unsafe cl_poll(&event, 1, milliseconds) == 1
  }

  private func run() {
    let result: Probe.Result
    do throws(SystemError) {
      try vcpu.attach()
      result = try watch()
    } catch {
      result = .unusable(error.description)
    }
    vcpu.detach()
    outcome.withLock { $0 = result }
    _ = cl_eventfd_signal(finished.rawValue)
  }

  private func watch() throws(SystemError) -> Probe.Result {
    let vcpu = vcpu
    var step = -1
    var tried: String { step < 0 ? "a guest's start" : guest.steps[step].description }
    while true {
      let exit = try vcpu.run()
      switch exit {
      case .portOut(ProbeGuest.port, _, let data):
        let value = data.byteCount > 0 ? unsafe data.unsafeLoad(as: UInt8.self) : 0
        if value == ProbeGuest.finished { return .usable }
        guard Int(value) < guest.steps.count else { return .unusable("runs a guest wrongly") }
        step = Int(value)
      case .failed(let failure):
        return .unusable("\(tried) ends in \(failure): it is emulated in software")
      case .shutdown: return .unusable("\(tried) ends in a triple fault")
      case .interrupted: return .unusable("\(tried) does not end")
      default:
        return .unusable("\(tried) ends in an exit that the guest did not ask for")
      }
    }
  }
}
