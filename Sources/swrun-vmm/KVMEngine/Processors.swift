internal import Boot
internal import CLinux
internal import KVM
internal import Linux
internal import Platform

/// The processors of a machine, each run by a thread of its own until one of them ends the machine
/// or `stop`.
final class Processors: Sendable {
  private struct State {
    var isStopping = false
    var threads: [Thread] = []
  }

  private let processors: [VCPU]
  private let ports: PortSpace
  private let devices: MMIOSpace
  private let state = Locked(State())
  /// Called once or more, by the thread of a processor.
  private let end: @Sendable (MachineEnd) -> Void

  init(
    _ processors: [VCPU], ports: PortSpace, devices: MMIOSpace,
    end: @escaping @Sendable (MachineEnd) -> Void
  ) {
    self.processors = processors
    self.ports = ports
    self.devices = devices
    self.end = end
  }

  /// Starts the threads; once.
  func start() throws(SystemError) {
    for vcpu in processors {
      let thread = try Thread("vcpu\(vcpu.index)") { [self] in run(vcpu) }
      state.withLock { $0.threads.append(thread) }
    }
  }

  /// Ends the threads and waits for them; not from one of them.
  func stop() {
    halt()
    let threads = state.withLock { state in
      defer { state.threads = [] }
      return state.threads
    }
    for thread in threads { thread.join() }
  }

  /// Makes all processors leave the guest for good, without waiting for it.
  func halt() {
    state.withLock { $0.isStopping = true }
    for vcpu in processors { vcpu.kick() }
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  private func run(_ vcpu: VCPU) {
    defer { vcpu.detach() }
    do throws(SystemError) {
      try vcpu.attach()
      ThreadRole.processor.enter()
      while !isStopping {
        if let reason = try handle(vcpu) {
          end(reason)
          halt()
          return
        }
      }
    } catch {
      end(.failure("processor \(vcpu.index) of the guest can't be run: \(error)"))
      halt()
    }
  }

  /// Runs the guest up to one exit and does what it asks; how the machine ends by it, if it does.
  private func handle(_ vcpu: VCPU) throws(SystemError) -> MachineEnd? {
    let exit = try vcpu.run()
    switch exit {
    case .portOut(let port, let size, let data):
      switch ports.write(port, size: size, data) {
      case .powerOff: return .powerOff
      case .reset: return .reset
      case nil: break
      }
    case .portIn(let port, let size, var data): ports.read(port, size: size, into: &data)
    case .mmioWrite(let address, let data): devices.write(address, data)
    case .mmioRead(let address, var data): devices.read(address, into: &data)
    case .halt: break
    case .interrupted: break
    case .shutdown: return .shutdown(registers(vcpu))
    case .systemEvent(let type):
      switch CInt(bitPattern: type) {
      case KVM_SYSTEM_EVENT_SHUTDOWN: return .powerOff
      case KVM_SYSTEM_EVENT_RESET: return .reset
      default: return .failure("the guest asks KVM for system event \(type)")
      }
    case .failed(let failure):
      return .failure("KVM can't run the guest any more: \(failure)\n\(registers(vcpu))")
    }
    return nil
  }

  private func registers(_ vcpu: VCPU) -> String {
    do throws(SystemError) {
      return try vcpu.registers()
    } catch {
      return "its registers can't be read: \(error)"
    }
  }
}
