internal import CLinux
internal import Clibseccomp
internal import Linux
internal import OCISpec

/// The filter that libseccomp builds; released with this value.
@safe private struct Context: ~Copyable {
  let pointer: scmp_filter_ctx

  init?(defaultAction: UInt32) {
    guard let pointer = unsafe seccomp_init(defaultAction) else { return nil }
    unsafe self.pointer = pointer
  }

  deinit { unsafe seccomp_release(pointer) }
}

extension Spec.Linux.Seccomp {
  /// The greatest number of instructions of a filter (BPF_MAXINSNS).
  static let maximumLength = Int(BPF_MAXINSNS)

  /// Compiles the section by libseccomp.
  func compile() throws(RuntimeError) -> [sock_filter] {
    let defaultValue = defaultAction.value(errno: defaultErrnoRet)
    guard let context = Context(defaultAction: defaultValue) else {
      throw RuntimeError(
        "linux.seccomp.defaultAction: libseccomp refuses \(defaultAction.rawValue)",
        advice: "the kernel has to know the action")
    }
    try addArchitectures(to: context)
    var conditions: [scmp_arg_cmp] = []
    for (index, rule) in syscalls.enumerated() {
      let value = rule.action.value(errno: rule.errnoRet)
      // libseccomp takes a rule that changes nothing for a mistake.
      if value == defaultValue { continue }
      conditions.removeAll(keepingCapacity: true)
      for argument in rule.args { conditions.append(argument.condition) }
      for name in rule.names {
        // A profile names system calls of other kernels and architectures.
        let number = unsafe seccomp_syscall_resolve_name(name)
        if number == __NR_SCMP_ERROR { continue }
        if rule.comparesTwice {
          for condition in conditions {
            try add([condition], value, number, to: context, rule: index, name)
          }
        } else {
          try add(conditions, value, number, to: context, rule: index, name)
        }
      }
    }
    let program = try unknownSyscallsPrologue() + exported(context)
    guard program.count <= Self.maximumLength else {
      throw RuntimeError(
        "linux.seccomp: the filter has \(program.count) instructions, the kernel takes "
          + "\(Self.maximumLength)", advice: "use fewer rules or fewer architectures")
    }
    return program
  }

  private func addArchitectures(to context: borrowing Context) throws(RuntimeError) {
    for (index, architecture) in architectures.enumerated() {
      let place = "linux.seccomp.architectures[\(index)]"
      guard let token = architecture.token else {
        throw RuntimeError(
          "\(place): this libseccomp does not know \(architecture.rawValue)",
          advice: "leave the architecture out")
      }
      let result = unsafe seccomp_arch_add(context.pointer, token)
      // The native architecture is there from the start.
      if result == 0 || result == -EEXIST { continue }
      throw RuntimeError(
        "\(place): \(architecture.rawValue)", SystemError(-result, "seccomp_arch_add"),
        advice: "architectures of one filter have the same byte order")
    }
  }

  private func add(
    _ conditions: [scmp_arg_cmp], _ value: UInt32, _ number: CInt,
    to context: borrowing Context, rule: Int, _ name: String
  ) throws(RuntimeError) {
    let result = unsafe seccomp_rule_add_array(
      context.pointer, value, number, UInt32(conditions.count), conditions)
    if result == 0 { return }
    throw RuntimeError(
      "linux.seccomp.syscalls[\(rule)]: \(name)", SystemError(-result, "seccomp_rule_add"),
      advice: "libseccomp refuses the rule")
  }

  private func exported(_ context: borrowing Context) throws(RuntimeError) -> [sock_filter] {
    let pointer = unsafe context.pointer
    let bytes = try step("linux.seccomp") { () throws(SystemError) in
      let file = FileDescriptor(
        owning: try system("memfd_create") {
          unsafe cl_memfd_create("seccomp", UInt32(MFD_CLOEXEC))
        })
      try system("seccomp_export_bpf") { unsafe seccomp_export_bpf(pointer, file.rawValue) }
      try system("lseek") { lseek(file.rawValue, 0, SEEK_SET) }
      return try file.readAll(limit: 1 << 20)
    }
    return [sock_filter](bytes: bytes[...])
  }
}

extension Spec.Linux.Seccomp.Syscall {
  /// Whether an argument has two conditions; libseccomp takes one an argument, and then each of the
  /// rule's conditions alone is enough, as in runc.
  var comparesTwice: Bool {
    var seen: UInt32 = 0
    for argument in args {
      let bit = (1 as UInt32) << argument.index
      if seen & bit != 0 { return true }
      seen |= bit
    }
    return false
  }
}

extension Spec.Linux.Seccomp.Argument {
  var condition: scmp_arg_cmp {
    scmp_arg_cmp(arg: index, op: op.comparison, datum_a: value, datum_b: valueTwo)
  }
}

extension Spec.Linux.Seccomp.Operator {
  fileprivate var comparison: scmp_compare {
    switch self {
    case .notEqual: SCMP_CMP_NE
    case .less: SCMP_CMP_LT
    case .lessOrEqual: SCMP_CMP_LE
    case .equal: SCMP_CMP_EQ
    case .greaterOrEqual: SCMP_CMP_GE
    case .greater: SCMP_CMP_GT
    case .maskedEqual: SCMP_CMP_MASKED_EQ
    }
  }
}

extension [sock_filter] {
  /// Takes instructions from memory, of which there are whole ones.
  init(bytes: ArraySlice<UInt8>) {
    let count = bytes.count / MemoryLayout<sock_filter>.stride
    unsafe self.init(unsafeUninitializedCapacity: count) { buffer, initialized in
      unsafe bytes.withUnsafeBytes { source in
        unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: source[..<(count * MemoryLayout<sock_filter>.stride)]))
      }
      initialized = count
    }
  }
}
