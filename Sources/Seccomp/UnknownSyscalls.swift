internal import CLinux
internal import Clibseccomp
internal import OCISpec

extension Spec.Linux.Seccomp {
  /// The bit of the numbers of x32, which shares its audit architecture with x86-64.
  private static let x32Bit: UInt32 = 0x4000_0000

  /// Instructions before libseccomp's that answer ENOSYS to system calls newer than the profile.
  ///
  /// A profile that refuses what it does not name would answer EPERM to a system call that its
  /// author could not know, and the C library would not fall back to the older one. As in runc: for
  /// each architecture that the section lists, numbers above the greatest that a rule names.
  func unknownSyscallsPrologue() -> [sock_filter] {
    guard answersUnknownSyscalls else { return [] }
    var limits: [(audit: UInt32, plain: UInt32?, x32: UInt32?)] = []
    for architecture in architectures {
      guard let token = architecture.token, let greatest = greatestNumber(token) else { continue }
      let isX32 = architecture == .x32
      let audit = isX32 ? CL_AUDIT_ARCH_X86_64 : token
      let index =
        limits.firstIndex { $0.audit == audit }
        ?? {
          limits.append((audit, nil, nil))
          return limits.count - 1
        }()
      if isX32 { limits[index].x32 = greatest } else { limits[index].plain = greatest }
    }
    if limits.isEmpty { return [] }
    var result = [load(\.arch)]
    for limit in limits {
      let plain = limit.plain.map(answer(above:)) ?? []
      let x32 = limit.x32.map(answer(above:)) ?? []
      var section = [load(\.nr)]
      if limit.audit == CL_AUDIT_ARCH_X86_64 {
        section.append(
          sock_filter(
            code: UInt16(BPF_JMP | BPF_JGE | BPF_K), jt: UInt8(plain.count + 1), jf: 0,
            k: Self.x32Bit))
      }
      section += plain
      section.append(
        sock_filter(code: UInt16(BPF_JMP | BPF_JA), jt: 0, jf: 0, k: UInt32(x32.count)))
      section += x32
      result.append(
        sock_filter(
          code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: UInt8(section.count), k: limit.audit))
      result += section
      // The next section compares the architecture again.
      result.append(load(\.arch))
    }
    // libseccomp's instructions load it themselves.
    result.removeLast()
    return result
  }

  private var answersUnknownSyscalls: Bool {
    switch defaultAction {
    case .allow, .log, .trace, .notify: false
    case .errno: defaultErrnoRet != UInt32(ENOSYS)
    case .kill, .killProcess, .killThread, .trap: true
    }
  }

  /// The greatest number of a named system call on the architecture.
  private func greatestNumber(_ token: UInt32) -> UInt32? {
    var greatest: CInt = -1
    for rule in syscalls {
      for name in rule.names {
        greatest = max(greatest, unsafe seccomp_syscall_resolve_name_arch(token, name))
      }
    }
    // As in runc: 0, the number of one old system call, is no limit.
    return greatest <= 0 ? nil : UInt32(greatest)
  }

  private func answer(above greatest: UInt32) -> [sock_filter] {
    [
      sock_filter(code: UInt16(BPF_JMP | BPF_JGT | BPF_K), jt: 0, jf: 1, k: greatest),
      sock_filter(
        code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0,
        k: UInt32(SECCOMP_RET_ERRNO) | UInt32(ENOSYS)),
    ]
  }

  private func load(_ field: PartialKeyPath<seccomp_data>) -> sock_filter {
    sock_filter(
      code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0,
      k: UInt32(MemoryLayout<seccomp_data>.offset(of: field)!))
  }
}
