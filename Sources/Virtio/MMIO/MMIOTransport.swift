internal import CLinux
public import GuestMemory
public import Linux

/// A virtio device behind registers in guest-physical memory (virtio 1.2, 4.2; version 2).
///
/// vCPU threads read and write registers here; kicks and interrupts go over eventfds, which the
/// machine binds to the guest (KVM_IOEVENTFD with the queue's number as datamatch, KVM_IRQFD).
/// What the driver sets up is frozen from DRIVER_OK to reset. What it reads stands in a page that the
/// machine may give it as read-only memory.
public final class MMIOTransport: Sendable {
  /// The bytes of guest-physical memory that the registers take.
  public static let windowSize: UInt64 = 0x1000
  /// The register that kicks a queue: 4 bytes, the queue's number.
  public static let notifyOffset = UInt64(VIRTIO_MMIO_QUEUE_NOTIFY)
  /// The register by which a driver says that it has seen an interrupt, and what it writes there in
  /// the usual case, that a queue has something: nothing has to be done then.
  public static let acknowledgeOffset = UInt64(VIRTIO_MMIO_INTERRUPT_ACK)
  public static let usualAcknowledgement = UInt32(VIRTIO_MMIO_INT_VRING)

  public let device: any VirtioDevice
  private let memory: GuestMemory
  private let loop: EventLoop
  private let page: RegisterPage
  private let interrupt: InterruptLine
  private let kickEvents: [SharedKick]
  private let offered: UInt64
  private let state: Locked<State>

  private struct State: Sendable {
    var status: CInt = 0
    var deviceFeaturesHalf: UInt32 = 0
    var driverFeaturesHalf: UInt32 = 0
    var driverFeatures: UInt64 = 0
    /// Whether the driver took a feature from 64 on; none is offered.
    var hasForeignFeature = false
    var queue: UInt32 = 0
    var sharedMemory: UInt32 = 0
    var queues: [QueueSetup]
    /// Whether the device has been given its queues.
    var isActive = false

    func has(_ bits: CInt) -> Bool { status & bits == bits }
  }

  /// An eventfd in an array.
  private final class SharedKick: Sendable {
    let event: FileDescriptor
    init() throws(SystemError) {
      event = FileDescriptor(owning: try system("eventfd", "queue") { cl_eventfd(0) })
    }
  }

  /// Puts the registers before a device, whose work is done on `loop`.
  ///
  /// `page` are `windowSize` zeroed bytes for what the guest reads, which stay as long as this. A hidden
  /// device's window says until `reveal` that there is none.
  public init(
    device: any VirtioDevice, memory: GuestMemory, loop: EventLoop,
    page: UnsafeMutableRawPointer? = nil, isHidden: Bool = false
  ) throws(SystemError) {
    self.device = device
    self.memory = memory
    self.loop = loop
    self.page = unsafe RegisterPage(memory: page)
    interrupt = try InterruptLine(device, self.page)
    offered = device.features | Feature.ring
    let sizes = device.queueSizes
    var kicks: [SharedKick] = []
    for _ in sizes { kicks.append(try SharedKick()) }
    kickEvents = kicks
    let begin = State(queues: sizes.map { QueueSetup(maximum: $0) })
    state = Locked(begin)
    showConstants()
    if !isHidden { reveal() }
    show(begin)
  }

  /// The eventfd that raises the guest's interrupt; open as long as the transport.
  public var interruptEvent: CInt { interrupt.event.rawValue }

  /// The eventfds of the queues, by number; open as long as the transport.
  public var kicks: [CInt] { kickEvents.map { $0.event.rawValue } }

  /// Why the device waits for a reset, in words; nil when it does not.
  public var failure: String? { interrupt.reason }

  /// Whether the driver has made the device ready and not reset it since.
  public var isActive: Bool { state.withLock { $0.isActive } }

  // MARK: Registers

  /// What the guest reads at `offset` of the window: all zeros where there is nothing.
  public func read(offset: UInt64, into data: inout MutableRawSpan) {
    if offset >= UInt64(VIRTIO_MMIO_CONFIG) {
      unsafe data.withUnsafeMutableBytes { bytes in
        unsafe page.readConfiguration(
          offset: offset &- UInt64(VIRTIO_MMIO_CONFIG), into: bytes)
      }
      return
    }
    // 4.2.2.2: only aligned accesses of 4 bytes are registers.
    let value = data.byteCount == 4 ? page.load(offset) : 0
    for index in 0..<data.byteCount {
      let byte = index < 4 ? UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))) : 0
      data.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
  }

  /// What the guest writes at `offset` of the window; ignored where that is not allowed now.
  public func write(offset: UInt64, _ data: RawSpan) {
    if offset >= UInt64(VIRTIO_MMIO_CONFIG) {
      // 2.5.1: fields that depend on a feature are written after the features are settled.
      guard state.withLock({ $0.has(VIRTIO_CONFIG_S_FEATURES_OK) }) else { return }
      unsafe data.withUnsafeBytes { bytes in
        unsafe device.writeConfiguration(offset: offset &- UInt64(VIRTIO_MMIO_CONFIG), bytes)
      }
      page.showConfiguration(of: device)
      return
    }
    guard data.byteCount == 4, offset % 4 == 0 else { return }
    set(CInt(offset), unsafe data.unsafeLoadUnaligned(as: UInt32.self))
  }

  /// Has the window say which device there is, for drivers that look from now on (4.2.2: until then it was a placeholder,
  /// number 0).
  public func reveal() { page.store(VIRTIO_MMIO_DEVICE_ID, device.type) }

  /// Shows what never changes.
  private func showConstants() {
    page.store(VIRTIO_MMIO_MAGIC_VALUE, 0x7472_6976)
    page.store(VIRTIO_MMIO_VERSION, 2)
    page.store(VIRTIO_MMIO_VENDOR_ID, 0x6e75_7273)
    page.showConfiguration(of: device)
  }

  /// Shows what depends on the driver's writes: after each of them, before the guest goes on.
  private func show(_ state: State) {
    page.store(
      VIRTIO_MMIO_DEVICE_FEATURES,
      state.deviceFeaturesHalf < 2
        ? UInt32(truncatingIfNeeded: offered >> (32 * UInt64(state.deviceFeaturesHalf))) : 0)
    let queue = state.queue < state.queues.count ? state.queues[Int(state.queue)] : nil
    page.store(VIRTIO_MMIO_QUEUE_NUM_MAX, UInt32(queue?.maximum ?? 0))
    page.store(VIRTIO_MMIO_QUEUE_READY, queue?.isReady == true ? 1 : 0)
    let shared = sharedMemory(state)
    let (size, base) = (shared?.size ?? .max, shared?.guestAddress ?? .max)
    page.store(VIRTIO_MMIO_SHM_LEN_LOW, UInt32(truncatingIfNeeded: size))
    page.store(VIRTIO_MMIO_SHM_LEN_HIGH, UInt32(truncatingIfNeeded: size >> 32))
    page.store(VIRTIO_MMIO_SHM_BASE_LOW, UInt32(truncatingIfNeeded: base))
    page.store(VIRTIO_MMIO_SHM_BASE_HIGH, UInt32(truncatingIfNeeded: base >> 32))
    page.store(VIRTIO_MMIO_STATUS, UInt32(state.status))
    // Also what fails from now on shows itself there.
    if interrupt.isFailed {
      page.set(VIRTIO_MMIO_STATUS, bits: UInt32(VIRTIO_CONFIG_S_NEEDS_RESET))
    }
  }

  /// What the driver has selected; of what is not there length and address are all ones (4.2.2.1).
  private func sharedMemory(_ state: State) -> SharedMemory? {
    guard let memory = device.sharedMemory, state.sharedMemory == UInt32(memory.id) else {
      return nil
    }
    return memory
  }

  private func set(_ offset: CInt, _ value: UInt32) {
    switch offset {
    case VIRTIO_MMIO_QUEUE_NOTIFY:
      // Where no ioeventfd takes it.
      if value < kickEvents.count { _ = cl_eventfd_signal(kickEvents[Int(value)].event.rawValue) }
    case VIRTIO_MMIO_INTERRUPT_ACK: interrupt.acknowledge(value)
    default:
      state.withLock { state in
        set(offset, value, &state)
        show(state)
        // A driver reads it after it has said something, and is told of later changes.
        if offset == VIRTIO_MMIO_STATUS { page.showConfiguration(of: device) }
      }
    }
  }

  private func set(_ offset: CInt, _ value: UInt32, _ state: inout State) {
    switch offset {
    case VIRTIO_MMIO_STATUS: setStatus(value, &state)
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL: state.deviceFeaturesHalf = value
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL: state.driverFeaturesHalf = value
    case VIRTIO_MMIO_DRIVER_FEATURES: setFeatures(value, &state)
    case VIRTIO_MMIO_QUEUE_SEL: state.queue = value
    case VIRTIO_MMIO_SHM_SEL: state.sharedMemory = value
    default: setQueue(offset, value, &state)
    }
  }

  private func setFeatures(_ value: UInt32, _ state: inout State) {
    guard state.has(VIRTIO_CONFIG_S_DRIVER), !state.has(VIRTIO_CONFIG_S_FEATURES_OK) else {
      return
    }
    switch state.driverFeaturesHalf {
    case 0: QueueSetup.setLow(&state.driverFeatures, value)
    case 1: QueueSetup.setHigh(&state.driverFeatures, value)
    default: state.hasForeignFeature = state.hasForeignFeature || value != 0
    }
  }

  private func setQueue(_ offset: CInt, _ value: UInt32, _ state: inout State) {
    // Between FEATURES_OK and DRIVER_OK; after that the rings are frozen.
    guard state.has(VIRTIO_CONFIG_S_FEATURES_OK), !state.has(VIRTIO_CONFIG_S_DRIVER_OK),
      state.queue < state.queues.count
    else { return }
    let index = Int(state.queue)
    if offset == VIRTIO_MMIO_QUEUE_READY {
      state.queues[index].isReady = value == 1
    } else if !state.queues[index].isReady {
      _ = state.queues[index].write(offset, value)
    }
  }

  // MARK: Status

  /// The steps of virtio 1.2, 3.1.1: each once, in order; zero starts again.
  private func setStatus(_ value: UInt32, _ state: inout State) {
    if value == 0 {
      reset(&state)
      return
    }
    let added = CInt(truncatingIfNeeded: value & 0xff) & ~state.status
    if added & VIRTIO_CONFIG_S_FAILED != 0 { state.status |= VIRTIO_CONFIG_S_FAILED }
    guard !state.has(VIRTIO_CONFIG_S_FAILED) else { return }
    if added & VIRTIO_CONFIG_S_ACKNOWLEDGE != 0 { state.status |= VIRTIO_CONFIG_S_ACKNOWLEDGE }
    if added & VIRTIO_CONFIG_S_DRIVER != 0, state.has(VIRTIO_CONFIG_S_ACKNOWLEDGE) {
      state.status |= VIRTIO_CONFIG_S_DRIVER
    }
    if added & VIRTIO_CONFIG_S_FEATURES_OK != 0, state.has(VIRTIO_CONFIG_S_DRIVER),
      !state.hasForeignFeature,
      state.driverFeatures & ~offered == 0, state.driverFeatures & Feature.version1 != 0
    {
      state.status |= VIRTIO_CONFIG_S_FEATURES_OK
    }
    if added & VIRTIO_CONFIG_S_DRIVER_OK != 0, state.has(VIRTIO_CONFIG_S_FEATURES_OK) {
      state.status |= VIRTIO_CONFIG_S_DRIVER_OK
      activate(&state)
    }
  }

  private func activate(_ state: inout State) {
    var queues: [Virtqueue?] = []
    for (index, setup) in state.queues.enumerated() {
      guard setup.isReady else {
        queues.append(nil)
        continue
      }
      guard let layout = setup.layout,
        let queue = Virtqueue(
          memory: memory, layout: layout, features: state.driverFeatures,
          kick: kickEvents[index].event.rawValue, interrupt: interrupt,
          reachesWindow: device.sharedMemory != nil)
      else {
        interrupt.fail("queue \(index): its ring is not one, or not in guest memory")
        return
      }
      queues.append(queue)
    }
    let list = queues
    let features = state.driverFeatures
    var failure: SystemError?
    loop.perform { [self] in
      do throws(SystemError) {
        try device.activate(list, features: features, loop)
        for (index, queue) in list.enumerated() where !device.watches(queue: index) {
          guard let queue else { continue }
          try loop.add(eventfd: queue.kick) { [device] in device.process(queue: index) }
        }
      } catch {
        deactivate()
        failure = error
      }
    }
    if let failure {
      interrupt.fail(failure.description)
    } else {
      state.isActive = true
    }
  }

  /// On return neither the loop nor a thread of the device uses the rings: the driver takes their
  /// memory for something else as soon as its write of 0 is done.
  private func reset(_ state: inout State) {
    if state.isActive { loop.perform { [self] in deactivate() } }
    interrupt.reset()
    state = State(queues: state.queues.map { QueueSetup(maximum: $0.maximum) })
  }

  /// On the loop's thread.
  private func deactivate() {
    for kick in kickEvents { loop.remove(kick.event.rawValue) }
    device.reset()
  }

  /// Takes the device from the guest, as a reset by the driver would: for the end of the machine.
  public func shutDown() {
    state.withLock { state in
      reset(&state)
      show(state)
    }
  }
}
