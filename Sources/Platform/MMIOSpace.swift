internal import Boot
public import Virtio

/// The virtio-mmio windows by address; elsewhere reads give ones, and writes are swallowed.
public struct MMIOSpace: Sendable {
  /// In the order of the layout's windows.
  public let transports: [MMIOTransport]

  public init(transports: [MMIOTransport]) { self.transports = transports }

  public func write(_ address: UInt64, _ data: RawSpan) {
    guard let (transport, offset) = find(address) else { return }
    transport.write(offset: offset, data)
  }

  public func read(_ address: UInt64, into data: inout MutableRawSpan) {
    guard let (transport, offset) = find(address) else {
      for index in 0..<data.byteCount {
        data.storeBytes(of: 0xff, toByteOffset: index, as: UInt8.self)
      }
      return
    }
    transport.read(offset: offset, into: &data)
  }

  private func find(_ address: UInt64) -> (MMIOTransport, UInt64)? {
    guard address >= MachineLayout.windowBase else { return nil }
    let (index, offset) = (address &- MachineLayout.windowBase)
      .quotientAndRemainder(dividingBy: UInt64(MachineLayout.windowSize))
    guard index < transports.count else { return nil }
    return (transports[Int(index)], offset)
  }
}
