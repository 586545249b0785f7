/// The devices that a guest cannot find by itself, and what "off" is (the contents of the DSDT).
enum DefinitionBlock {
  static func terms(_ layout: MachineLayout) -> [UInt8] {
    var devices = serial
    for (index, window) in layout.windows.enumerated() {
      devices += virtio(window, index)
    }
    let off = AML.byte(MachineLayout.sleepTypeOff)
    let zero = AML.byte(0)
    return AML.scope("\\_SB_", devices)
      + AML.name("\\_S5_", AML.package(of: [off, zero, zero, zero]))
  }

  /// With reduced hardware no line is a PC's by itself: the serial port's is stated as well.
  private static var serial: [UInt8] {
    AML.device(
      "COM1",
      AML.name("_HID", AML.string("PNP0501"))
        + AML.name("_UID", AML.byte(0))
        + AML.name(
          "_CRS",
          AML.resources([
            AML.ports(MachineLayout.serialPort, count: 8),
            AML.interrupt(MachineLayout.serialInterrupt),
          ])))
  }

  /// No _CCA: on x86 all memory access of devices is coherent without it (6.2.17).
  private static func virtio(_ window: MachineLayout.Window, _ index: Int) -> [UInt8] {
    let digits = [UInt8](String(100 + index).utf8.suffix(2))
    return AML.device(
      "VR" + String(decoding: digits, as: UTF8.self),
      AML.name("_HID", AML.string("LNRO0005"))
        + AML.name("_UID", AML.byte(UInt8(index)))
        + AML.name(
          "_CRS",
          AML.resources([
            AML.memory(base: UInt32(window.base), size: window.size),
            AML.interrupt(window.interrupt),
          ])))
  }
}
