internal import CLinux
internal import Linux

/// The eBPF program that decides on v2 what a cgroup's processes may do with device nodes.
///
/// The kernel runs it with a `struct bpf_cgroup_dev_ctx` and allows when it returns 1. As on v1,
/// each kind of access is decided by itself, by the last rule that names it and the device.
struct DeviceProgram {
  private(set) var instructions: [bpf_insn] = []

  // Registers: 0 result, 1 context, 2 access still to be allowed, 3 type, 4 major, 5 minor.
  init(_ rules: [DeviceRule]) {
    load(2, at: 0)
    emit(BPF_ALU | BPF_MOV | BPF_X, 3, 2)
    emit(BPF_ALU | BPF_AND | BPF_K, 3, immediate: 0xffff)
    emit(BPF_ALU | BPF_RSH | BPF_K, 2, immediate: 16)
    load(4, at: 4)
    load(5, at: 8)
    for rule in rules.reversed() { append(rule) }
    finish(0)
  }

  private mutating func append(_ rule: DeviceRule) {
    var jumps: [Int] = []
    jumps.append(jump(BPF_JNE, 3, rule.pattern.kind.rawValue))
    if let major = rule.pattern.major {
      jumps.append(jump(BPF_JNE, 4, Int32(bitPattern: major)))
    }
    if let minor = rule.pattern.minor {
      jumps.append(jump(BPF_JNE, 5, Int32(bitPattern: minor)))
    }
    if rule.allow {
      emit(BPF_ALU | BPF_AND | BPF_K, 2, immediate: ~rule.access.rawValue)
      jumps.append(jump(BPF_JNE, 2, 0))
      finish(1)
    } else {
      emit(BPF_ALU | BPF_MOV | BPF_X, 0, 2)
      emit(BPF_ALU | BPF_AND | BPF_K, 0, immediate: rule.access.rawValue)
      jumps.append(jump(BPF_JEQ, 0, 0))
      finish(0)
    }
    // Where the rule does not decide, the one before it is asked.
    for place in jumps { instructions[place].off = Int16(instructions.count - place - 1) }
  }

  private mutating func emit(
    _ code: Int32, _ destination: UInt8, _ source: UInt8 = 0, offset: Int16 = 0,
    immediate: Int32 = 0
  ) {
    instructions.append(cl_bpf_insn(UInt8(code), destination, source, offset, immediate))
  }

  private mutating func load(_ register: UInt8, at offset: Int16) {
    emit(BPF_LDX | BPF_MEM | BPF_W, register, 1, offset: offset)
  }

  /// A comparison of 32 bits, whose target is filled in later; its place.
  private mutating func jump(_ condition: Int32, _ register: UInt8, _ immediate: Int32) -> Int {
    emit(BPF_JMP32 | condition | BPF_K, register, immediate: immediate)
    return instructions.count - 1
  }

  private mutating func finish(_ result: Int32) {
    emit(BPF_ALU | BPF_MOV | BPF_K, 0, immediate: result)
    emit(BPF_JMP | BPF_EXIT, 0)
  }

  /// The program in the kernel, which its verifier has accepted.
  func load() throws(SystemError) -> FileDescriptor {
    FileDescriptor(
      owning: try system("bpf", "device program") {
        unsafe instructions.withUnsafeBufferPointer {
          unsafe cl_bpf_load_device_program($0.baseAddress!, UInt32($0.count))
        }
      })
  }
}

extension CgroupDirectory {
  /// Puts the program in the place of those that are attached to this very cgroup.
  ///
  /// At no time are there fewer rules in force than before and after: one program is replaced in
  /// one step; of several, the new one is added before the old ones go.
  func attach(_ program: DeviceProgram) throws(SystemError) {
    let new = try program.load()
    var ids = [UInt32](repeating: 0, count: 64)
    let count = try system("bpf", "query \(path)") {
      unsafe cl_bpf_query_device_programs(fd, &ids, UInt32(ids.count))
    }
    var old: [CInt] = []
    defer { for program in old { _ = cl_close(program) } }
    for id in ids.prefix(Int(count)) {
      old.append(try system("bpf", "program \(id)") { cl_bpf_program_by_id(id) })
    }
    if old.count == 1 {
      let result = cl_bpf_attach_device_program(fd, new.rawValue, old[0])
      if result >= 0 { return }
      // Kernels before 5.6 do not know how to replace.
      if result != -EINVAL { throw SystemError(-result, "bpf", "attach to \(path)") }
    }
    try system("bpf", "attach to \(path)") {
      cl_bpf_attach_device_program(fd, new.rawValue, -1)
    }
    for program in old {
      try system("bpf", "detach from \(path)") { cl_bpf_detach_device_program(fd, program) }
    }
  }
}
