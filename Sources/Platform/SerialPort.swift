internal import Linux

/// A 16550 without input: what the guest sends goes to the console's log at once.
///
/// It never makes the guest wait: the transmitter is always empty.
public final class SerialPort: Sendable {
  private struct State {
    var interruptEnable: UInt8 = 0
    var lineControl: UInt8 = 0
    var modemControl: UInt8 = 0
    var scratch: UInt8 = 0
    var divisor: (low: UInt8, high: UInt8) = (1, 0)
    var hasFIFO = false
    /// The transmitter became empty since the guest looked last.
    var isEmptied = false
    var line = false
  }

  // Registers and bits as in National's PC16550D data sheet, table II.
  private static let divisorAccess: UInt8 = 0x80
  private static let transmitterInterrupt: UInt8 = 0x02
  private static let loopback: UInt8 = 0x10
  private static let noInterrupt: UInt8 = 0x01
  private static let transmitterEmpty: UInt8 = 0x60
  private static let fifoEnabled: UInt8 = 0xc0
  /// Carrier, data set ready, clear to send.
  private static let connected: UInt8 = 0xb0

  private let state = Locked(State())
  private let log: ConsoleLog
  private let setLine: @Sendable (Bool) -> Void

  /// `setLine` drives the interrupt; it is called only when the level changes.
  public init(log: ConsoleLog, setLine: @escaping @Sendable (Bool) -> Void) {
    self.log = log
    self.setLine = setLine
  }

  /// A byte that the guest writes to register 0 to 7.
  func write(_ value: UInt8, to register: UInt16) {
    let sent: Bool = state.withLock { state in
      switch register {
      case 0 where state.lineControl & Self.divisorAccess != 0: state.divisor.low = value
      case 1 where state.lineControl & Self.divisorAccess != 0: state.divisor.high = value
      case 0:
        state.isEmptied = true
        update(&state)
        return state.modemControl & Self.loopback == 0
      case 1:
        let before = state.interruptEnable
        state.interruptEnable = value & 0x0f
        // Enabled while the transmitter is empty, it interrupts at once.
        if ~before & state.interruptEnable & Self.transmitterInterrupt != 0 {
          state.isEmptied = true
        }
        update(&state)
      case 2: state.hasFIFO = value & 1 != 0
      case 3: state.lineControl = value
      case 4: state.modemControl = value & 0x1f
      case 7: state.scratch = value
      default: break
      }
      return false
    }
    if sent { log.append(CollectionOfOne(value)) }
  }

  /// The byte that the guest reads from register 0 to 7.
  func read(_ register: UInt16) -> UInt8 {
    state.withLock { state in
      switch register {
      case 0: return state.lineControl & Self.divisorAccess != 0 ? state.divisor.low : 0
      case 1:
        return state.lineControl & Self.divisorAccess != 0
          ? state.divisor.high : state.interruptEnable
      case 2:
        let fifo = state.hasFIFO ? Self.fifoEnabled : 0
        guard state.line else { return fifo | Self.noInterrupt }
        // Looking at the reason ends it.
        state.isEmptied = false
        update(&state)
        return fifo | Self.transmitterInterrupt
      case 3: return state.lineControl
      case 4: return state.modemControl
      case 5: return Self.transmitterEmpty
      case 6: return Self.modemStatus(state.modemControl)
      default: return state.scratch
      }
    }
  }

  /// In loopback the four outputs come back as the four inputs.
  private static func modemStatus(_ control: UInt8) -> UInt8 {
    guard control & loopback != 0 else { return connected }
    return (control & 0x0c) << 4 | (control & 0x02) << 3 | (control & 0x01) << 5
  }

  private func update(_ state: inout State) {
    let line = state.isEmptied && state.interruptEnable & Self.transmitterInterrupt != 0
    if line != state.line {
      state.line = line
      setLine(line)
    }
  }
}
