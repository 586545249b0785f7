extension Spec.Linux.Seccomp {
  /// The greatest errno that the kernel returns from a filter.
  static let maximumErrno: UInt32 = 4095

  /// Fails on the first rule of config-linux.md, "Seccomp", that the filter breaks.
  func check() throws(Fault) {
    try within("defaultAction") { () throws(Fault) in
      // The system calls that hand over the descriptor would wait for the listener themselves.
      try require(
        defaultAction != .notify, "SCMP_ACT_NOTIFY cannot be the default action")
    }
    try within("defaultErrnoRet") { () throws(Fault) in
      try requireRange(defaultErrnoRet, 0...Self.maximumErrno)
    }
    try within("listenerMetadata") { () throws(Fault) in
      try require(listenerMetadata == nil || listenerPath != nil, "needs listenerPath")
    }
    try within("syscalls") { () throws(Fault) in
      try each(syscalls) { rule throws(Fault) in
        try rule.check()
        try within("action") { () throws(Fault) in
          try require(
            rule.action != .notify || listenerPath != nil, "SCMP_ACT_NOTIFY needs listenerPath")
        }
      }
    }
  }
}

extension Spec.Linux.Seccomp.Syscall {
  func check() throws(Fault) {
    try within("names") { () throws(Fault) in
      try each(names) { name throws(Fault) in try require(!name.isEmpty, "is empty") }
    }
    try within("errnoRet") { () throws(Fault) in
      try requireRange(errnoRet, 0...Spec.Linux.Seccomp.maximumErrno)
    }
    try within("args") { () throws(Fault) in
      try each(args) { argument throws(Fault) in
        try within("index") { () throws(Fault) in try requireRange(argument.index, 0...5) }
      }
    }
  }
}
