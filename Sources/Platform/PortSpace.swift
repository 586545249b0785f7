internal import Boot

/// What answers at the ports of the machine: the serial port, and the ways to end the machine.
///
/// Everything else reads as ones and swallows what is written, as an empty bus does.
public struct PortSpace: Sendable {
  /// How a guest ends its machine by a port.
  public enum Ending: Sendable, Equatable {
    case powerOff
    case reset
  }

  private let serial: SerialPort

  public init(serial: SerialPort) { self.serial = serial }

  private static let keyboardController: UInt16 = 0x64
  /// Its command that pulses the processor's reset line: what `reboot=k` sends.
  private static let pulseReset: UInt8 = 0xfe

  /// Units of `size` bytes, as many as `data` has; how the machine ends by them, if it does.
  public func write(_ port: UInt16, size: Int, _ data: RawSpan) -> Ending? {
    // Wider accesses than a byte reach none of the devices.
    guard size == 1 else { return nil }
    for index in 0..<data.byteCount {
      let value = unsafe data.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      switch port {
      case MachineLayout.serialPort..<MachineLayout.serialPort + 8:
        serial.write(value, to: port - MachineLayout.serialPort)
      case Self.keyboardController where value == Self.pulseReset: return .reset
      case MachineLayout.sleepControlPort where MachineLayout.isPowerOff(value): return .powerOff
      case MachineLayout.resetPort where value == MachineLayout.resetValue: return .reset
      default: break
      }
    }
    return nil
  }

  /// As `write`: what the guest reads.
  public func read(_ port: UInt16, size: Int, into data: inout MutableRawSpan) {
    for index in 0..<data.byteCount {
      data.storeBytes(of: size == 1 ? read(port) : 0xff, toByteOffset: index, as: UInt8.self)
    }
  }

  private func read(_ port: UInt16) -> UInt8 {
    switch port {
    case MachineLayout.serialPort..<MachineLayout.serialPort + 8:
      serial.read(port - MachineLayout.serialPort)
    // Ready for a command, nothing to read.
    case Self.keyboardController: 0
    case MachineLayout.sleepControlPort, MachineLayout.sleepStatusPort: 0
    default: 0xff
    }
  }
}
