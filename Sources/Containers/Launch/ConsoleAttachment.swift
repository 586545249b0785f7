internal import CLinux
internal import Isolation
internal import Linux

extension Console {
  /// Makes the terminal this process's, and hands its master side to the runtime.
  func attach(_ channel: LaunchChannel) throws(RuntimeError) {
    try step("terminal") { () throws(SystemError) in
      try channel.send(.console(master.rawValue))
      master.close()
      for number: CInt in 0...2 {
        try system("dup2", "the terminal") { cl_dup2(slave.rawValue, number) }
      }
      slave.close()
      try system("ioctl", "TIOCSCTTY") { cl_set_controlling_terminal(0) }
    }
  }
}
