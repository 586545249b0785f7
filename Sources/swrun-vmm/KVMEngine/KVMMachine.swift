internal import Boot
internal import CLinux
internal import FileServer
internal import GuestMemory
internal import KVM
internal import Linux
internal import MachinePlan
internal import Platform
internal import Virtio

/// A virtual machine of our own on /dev/kvm, as a plan describes it.
final class KVMMachine: Engine {
  let console: ConsoleLog
  private let machine: VirtualMachine
  private let memory: GuestMemory
  private let devices: MachineDevices
  private let processors: Processors
  private let ending: MachineEnding
  private let vsock: VsockDevice
  /// Kept to the end: the first long text that is freed finds types by their names, which would be before the
  /// guest's first instruction.
  private let commandLine: String
  /// Of a machine with a DAX window.
  private let watch: FaultWatch?

  /// Makes the machine and loads the kernel; needs /dev/kvm and the plan's files.
  init(
    _ plan: MachinePlan, console: ConsoleLog, files: FileServer, window: FileWindow?,
    vsock: VsockDevice
  ) throws(RuntimeError) {
    self.console = console
    self.vsock = vsock
    let system = try System()
    let layout = try MachineLayout(
      memory: plan.memory, processors: plan.processors, devices: MachineDevices.count)
    let machine = try step("KVM") { () throws(SystemError) in try VirtualMachine(system) }
    let memory = try step("memory of the virtual machine") { () throws(SystemError) in
      try Self.memory(plan.memory, window, at: layout.sharedMemoryBase)
    }
    try step("KVM") { () throws(SystemError) in
      let regions = memory.regions + [memory.window].compactMap { $0 }
      for (slot, region) in regions.enumerated() {
        unsafe try machine.setMemory(
          slot: UInt32(slot), guestAddress: region.guestAddress, region.base, size: region.size)
      }
    }
    commandLine = KernelParameters.line(of: plan)
    let entry = try Self.load(plan, commandLine, layout, into: memory)
    let cpuid = try step("KVM") { () throws(SystemError) in try system.supportedCPUID() }
    let vcpus = try step("KVM") { () throws(SystemError) in
      var vcpus: [VCPU] = []
      for index in 0..<plan.processors {
        let vcpu = try VCPU(machine, index: index)
        try vcpu.configure(
          cpuid, count: plan.processors, state: index == 0 ? ProcessorState(entry) : nil)
        vcpus.append(vcpu)
      }
      return vcpus
    }
    ending = try step("KVM") { () throws(SystemError) in try MachineEnding() }
    watch =
      memory.window == nil
      ? nil
      : try step(
        "DAX window of the virtual machine", advice: "the host has to be Linux 5.19 or later"
      ) {
        [ending] () throws(SystemError) in
        try FaultWatch(vcpus) {
          ending.report(.failure("KVM can't run the guest any more: \(KVMFailure.noMemory)"))
        }
      }
    let serial = SerialPort(log: console) { level in
      // It can fail only for a line that is not there.
      try? machine.setInterrupt(MachineLayout.serialInterrupt, to: level)
    }
    devices = try step("devices of the virtual machine") { () throws(SystemError) in
      let devices = try MachineDevices(
        memory: memory, console: console, files: FileRequests(files),
        fileQueues: plan.fileQueues, vsock: vsock, hasRandomNumbers: cpuid.hasRandomNumbers)
      try devices.connect(
        to: machine, layout.windows,
        slot: UInt32(memory.regions.count + (memory.window == nil ? 0 : 1)))
      return devices
    }
    processors = Processors(vcpus, ports: PortSpace(serial: serial), devices: devices.space) {
      [ending] in ending.report($0)
    }
    self.machine = machine
    self.memory = memory
  }

  private static func memory(
    _ size: UInt64, _ window: FileWindow?, at address: UInt64
  ) throws(SystemError) -> GuestMemory {
    let memory = try GuestMemory.allocate(size: size, shared: false)
    guard let window else { return memory }
    return GuestMemory(
      regions: memory.regions,
      window: unsafe GuestMemory.Region(
        guestAddress: address, size: UInt64(window.size), base: window.base))
  }

  private static func load(
    _ plan: MachinePlan, _ commandLine: String, _ layout: MachineLayout, into memory: GuestMemory
  ) throws(RuntimeError) -> EntryState {
    let kernel = try KernelImage(BootFile(fd: plan.kernel, name: plan.kernelPath))
    let initramfs =
      plan.initramfs >= 0 ? try BootFile(fd: plan.initramfs, name: "initramfs") : nil
    return try BootLoader(
      kernel: kernel, initramfs: initramfs, commandLine: commandLine,
      layout: layout
    ).load(into: memory)
  }

  var ended: CInt { ending.event.rawValue }

  func outcome() -> MachineEnd? { ending.reason }

  func start() throws(RuntimeError) {
    try step("devices of the virtual machine") { () throws(SystemError) in try devices.start(watch)
    }
    try step("processors of the virtual machine") { () throws(SystemError) in
      try processors.start()
    }
  }

  func connect(port: UInt32) throws(SystemError) -> FileDescriptor {
    try vsock.connect(port: port)
  }

  func revealDevices() { devices.revealAll() }

  func limitFileServer() { devices.limitFileServer() }

  func stop() {
    processors.stop()
    devices.stop()
    console.flush()
  }
}

/// How a machine ended, the first reason of several, and the eventfd that tells of it.
final class MachineEnding: Sendable {
  let event: FileDescriptor
  private let first = Locked<MachineEnd?>(nil)

  init() throws(SystemError) {
    event = FileDescriptor(owning: try system("eventfd") { cl_eventfd(0) })
  }

  var reason: MachineEnd? { first.withLock { $0 } }

  func report(_ reason: MachineEnd) {
    first.withLock { if $0 == nil { $0 = reason } }
    _ = cl_eventfd_signal(event.rawValue)
  }
}

extension ProcessorState {
  fileprivate init(_ entry: EntryState) {
    self.init()
    (rip, rsp, rflags) = (entry.instructionPointer, entry.stackPointer, entry.flags)
    (rbx, rsi) = (entry.rbx, entry.rsi)
    (cr0, cr3, cr4, efer) = (entry.cr0, entry.cr3, entry.cr4, entry.efer)
    (gdtBase, gdtLimit) = (entry.globalDescriptorBase, entry.globalDescriptorLimit)
    (code, data, task) = (Segment(entry.code), Segment(entry.data), Segment(entry.task))
  }
}

extension ProcessorState.Segment {
  fileprivate init(_ segment: EntryState.Segment) {
    self.init(
      selector: segment.selector, base: segment.base, limit: segment.limit,
      attributes: segment.attributes)
  }
}
