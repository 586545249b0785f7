import CLinux
import OCISpec

@testable import Seccomp

/// A machine for classic BPF, as the kernel runs a filter (Documentation/networking/filter.rst).
struct Machine {
  let program: [sock_filter]

  enum Fault: Error { case badInstruction(Int, UInt16), ranOff }

  func run(
    _ number: UInt32, _ arguments: [UInt64] = [], arch: UInt32 = CL_AUDIT_ARCH_X86_64
  ) throws -> UInt32 {
    var data = [UInt32](repeating: 0, count: 16)
    data[0] = number
    data[1] = arch
    for (index, argument) in arguments.enumerated() {
      data[4 + 2 * index] = UInt32(truncatingIfNeeded: argument)
      data[5 + 2 * index] = UInt32(truncatingIfNeeded: argument >> 32)
    }
    var accumulator: UInt32 = 0
    var scratch = [UInt32](repeating: 0, count: 16)
    var index: UInt32 = 0
    while Int(index) < program.count {
      let instruction = program[Int(index)]
      let k = instruction.k
      index += 1
      func jump(_ condition: Bool) { index += UInt32(condition ? instruction.jt : instruction.jf) }
      switch Int32(instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS: accumulator = data[Int(k / 4)]
      case BPF_LD | BPF_MEM: accumulator = scratch[Int(k)]
      case BPF_ST: scratch[Int(k)] = accumulator
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= k
      case BPF_JMP | BPF_JA: index += k
      case BPF_JMP | BPF_JEQ | BPF_K: jump(accumulator == k)
      case BPF_JMP | BPF_JGT | BPF_K: jump(accumulator > k)
      case BPF_JMP | BPF_JGE | BPF_K: jump(accumulator >= k)
      case BPF_JMP | BPF_JSET | BPF_K: jump(accumulator & k != 0)
      case BPF_RET | BPF_K: return k
      default: throw Fault.badInstruction(Int(index) - 1, instruction.code)
      }
    }
    throw Fault.ranOff
  }
}

typealias Filter = Spec.Linux.Seccomp

/// Values of filters, by the numbers of the kernel's header.
let allow: UInt32 = 0x7fff_0000
let killThread: UInt32 = 0
let killProcess: UInt32 = 0x8000_0000
let trap: UInt32 = 0x0003_0000
let notify: UInt32 = 0x7fc0_0000
let log: UInt32 = 0x7ffc_0000
func errno(_ number: UInt32) -> UInt32 { 0x0005_0000 | number }
func trace(_ number: UInt32) -> UInt32 { 0x7ff0_0000 | number }

/// Numbers of x86-64 system calls (arch/x86/entry/syscalls/syscall_64.tbl).
enum Number {
  static let read: UInt32 = 0
  static let write: UInt32 = 1
  static let socket: UInt32 = 41
  static let mkdir: UInt32 = 83
  static let personality: UInt32 = 135
  static let sync: UInt32 = 162
  static let openat2: UInt32 = 437
}

let i386: UInt32 = 0x4000_0003
let aarch64: UInt32 = 0xc000_00b7

extension Filter {
  func machine() throws -> Machine { Machine(program: try compile()) }

  static func rule(
    _ names: String..., action: Action, errno: UInt32? = nil, args: [Argument] = []
  ) -> Syscall {
    Syscall(names: names, action: action, errnoRet: errno, args: args)
  }
}
