/// The probe's guest: instructions that a software KVM can't run, in long mode, each behind an `out`
/// of its number to a port.
struct ProbeGuest {
  static let port: UInt16 = 0xf4
  /// What the guest writes when it has come to its end.
  static let finished: UInt8 = 0xff
  static let entry = 0x4000

  /// What is tried, in order; the number of a step is its index.
  let steps: [StaticString]
  let code: [UInt8]

  /// `cpuid` is what the guest's processor has.
  init(_ cpuid: CPUID) {
    let features = cpuid.leaf(1)?.ecx ?? 0
    var parts: [(StaticString, [UInt8])] = [
      // mov rdi, 0x6000 / stack, 16-byte aligned memory
      ("the first instruction", [0x48, 0xc7, 0xc7, 0x00, 0x60, 0x00, 0x00])
    ]
    if features & 1 << 13 != 0 {
      parts.append(("lock cmpxchg16b", [0xf0, 0x48, 0x0f, 0xc7, 0x0f]))
    }
    parts += [
      // mov dword [rdi + 0x10], 0x1f80 / ldmxcsr [rdi + 0x10]
      (
        "ldmxcsr",
        [0xc7, 0x47, 0x10, 0x80, 0x1f, 0x00, 0x00, 0x0f, 0xae, 0x57, 0x10]
      ),
      // fxsave64 [rdi + 0x40] / fxrstor64 [rdi + 0x40]
      ("fxrstor64", [0x48, 0x0f, 0xae, 0x47, 0x40, 0x48, 0x0f, 0xae, 0x4f, 0x40]),
    ]
    if features & 1 << 26 != 0 {
      parts += [
        // mov rax, cr4 / or eax, 1 << 18 / mov cr4, rax / xor ecx, ecx / mov eax, 3 / xor edx, edx /
        // xsetbv
        (
          "xsetbv",
          [
            0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x00, 0x04, 0x00, 0x0f, 0x22, 0xe0, 0x31, 0xc9, 0xb8,
            0x03,
            0x00, 0x00, 0x00, 0x31, 0xd2, 0x0f, 0x01, 0xd1,
          ]
        ),
        // mov eax, 3 / xor edx, edx / xsave64 [rdi + 0x40] / xrstor64 [rdi + 0x40]
        (
          "xrstor64",
          [
            0xb8, 0x03, 0x00, 0x00, 0x00, 0x31, 0xd2, 0x48, 0x0f, 0xae, 0x67, 0x40, 0x48, 0x0f,
            0xae,
            0x6f, 0x40,
          ]
        ),
      ]
    }
    var code: [UInt8] = []
    for (number, part) in parts.enumerated() {
      code += Self.report(UInt8(number)) + part.1
    }
    // hlt / jmp back to it
    self.code = code + Self.report(Self.finished) + [0xf4, 0xeb, 0xfd]
    steps = parts.map(\.0)
  }

  /// mov al, number / out port, al
  private static func report(_ number: UInt8) -> [UInt8] {
    [0xb0, number, 0xe6, UInt8(port)]
  }
}
