internal import CLinux
public import Linux

/// A processor of a machine. One thread runs it; others may only `kick` it.
@safe public final class VCPU: @unchecked Sendable {
  public let index: Int
  /// Keeps the machine's descriptor open.
  public let machine: VirtualMachine
  let descriptor: FileDescriptor
  private let page: UnsafeMutablePointer<kvm_run>
  /// The thread that runs it, while it does.
  private let runner = Locked<pthread_t?>(nil)

  /// `index` is its APIC id too. Processor 0 begins to run; the others wait for INIT and SIPI.
  public init(_ machine: VirtualMachine, index: Int) throws(SystemError) {
    self.machine = machine
    self.index = index
    let vm = machine.descriptor.rawValue
    let fd = try system("KVM_CREATE_VCPU", "processor \(index)") {
      cl_kvm_create_vcpu(vm, UInt(index))
    }
    descriptor = FileDescriptor(owning: fd)
    guard
      let mapped = unsafe cl_mmap(
        nil, machine.system.runSize, PROT_READ | PROT_WRITE, CInt(CL_MAP_SHARED), fd, 0)
    else { throw SystemError(cl_errno(), "mmap", "processor \(index)") }
    unsafe page = unsafe mapped.assumingMemoryBound(to: kvm_run.self)
  }

  deinit { _ = unsafe cl_munmap(page, machine.system.runSize) }

  /// Makes the calling thread the one that runs this processor: kicks reach it from here on.
  public func attach() throws(SystemError) {
    try system("sigaction") { cl_kick_install() }
    try system("pthread_sigmask") { cl_kick_accept() }
    runner.withLock { $0 = cl_thread_self() }
  }

  /// The thread will not run the processor again; to be called before it ends.
  public func detach() { runner.withLock { $0 = nil } }

  /// Makes the current or the next `run` return `.interrupted`, and all that follow until `resume`.
  public func kick() {
    unsafe cl_kvm_set_immediate_exit(page, true)
    runner.withLock { thread in
      if let thread { _ = cl_thread_kill(thread, cl_kick_signal()) }
    }
  }

  /// Ends the effect of `kick`.
  public func resume() { unsafe cl_kvm_set_immediate_exit(page, false) }

  /// Runs the guest until something happens that this process must see to.
  @_lifetime(borrow self)
  public func run() throws(SystemError) -> Exit {
    while true {
      let result = cl_kvm_run(descriptor.rawValue)
      if result >= 0 { break }
      // A processor that waited for its INIT returns once with EAGAIN when it comes.
      if result == -EAGAIN { continue }
      if result == -EINTR { return .interrupted }
      // The guest's own doing, or that of who made a file shorter: no fault of a call.
      if result == -EFAULT { return .failed(.noMemory) }
      throw SystemError(-result, "KVM_RUN", "processor \(index)")
    }
    var exit = cl_kvm_exit()
    unsafe cl_kvm_read_exit(page, &exit)
    switch CInt(exit.reason) {
    case KVM_EXIT_IO:
      let port = UInt16(truncatingIfNeeded: exit.address)
      let size = Int(exit.size)
      if exit.is_write { return .portOut(port: port, size: size, data: input(exit)) }
      return .portIn(port: port, size: size, data: output(exit))
    case KVM_EXIT_MMIO:
      if exit.is_write { return .mmioWrite(address: exit.address, data: input(exit)) }
      return .mmioRead(address: exit.address, data: output(exit))
    case KVM_EXIT_HLT: return .halt
    case KVM_EXIT_SHUTDOWN: return .shutdown
    case KVM_EXIT_SYSTEM_EVENT: return .systemEvent(type: exit.detail)
    case KVM_EXIT_INTR: return .interrupted
    case KVM_EXIT_INTERNAL_ERROR:
      let data = (0..<exit.words).map { unsafe cl_kvm_error_word(page, $0) }
      return .failed(.internalError(suberror: exit.detail, data: data))
    case KVM_EXIT_FAIL_ENTRY: return .failed(.entry(reason: exit.reason_of_hardware))
    case KVM_EXIT_UNKNOWN: return .failed(.unknownHardware(reason: exit.reason_of_hardware))
    default: return .failed(.unexpected(reason: exit.reason))
    }
  }

  @_lifetime(borrow self)
  private func input(_ exit: cl_kvm_exit) -> RawSpan {
    let bytes = unsafe UnsafeRawBufferPointer(data(of: exit))
    return unsafe _overrideLifetime(RawSpan(_unsafeBytes: bytes), borrowing: self)
  }

  @_lifetime(borrow self)
  private func output(_ exit: cl_kvm_exit) -> MutableRawSpan {
    unsafe _overrideLifetime(MutableRawSpan(_unsafeBytes: data(of: exit)), borrowing: self)
  }

  /// The kernel's own numbers, kept inside the page all the same.
  private func data(of exit: cl_kvm_exit) -> UnsafeMutableRawBufferPointer {
    let size = machine.system.runSize
    let offset = min(Int(clamping: exit.data), size)
    let count = min(Int(exit.size) &* Int(exit.count), size - offset)
    return unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(page) + offset, count: count)
  }
}
