internal import CLinux
internal import Linux

/// The standard streams of a process that is being made: this process has them meanwhile, for
/// what it clones inherits them.
///
/// Pipes, not sockets: a program must be able to open /dev/stdout.
struct StandardStreams: ~Copyable {
  /// Our ends; nil with a terminal, whose master side takes their place.
  private(set) var pipes: Pipes?

  struct Pipes {
    let input: SharedDescriptor
    let output: SharedDescriptor
    let error: SharedDescriptor
  }

  init(terminal: Bool) throws(RuntimeError) {
    if terminal {
      try Self.leadToNothing()
      return
    }
    pipes = try step("standard streams") { () throws(SystemError) in
      let (input, output, error) = (try Pipe(), try Pipe(), try Pipe())
      for (number, end) in [input.reader, output.writer, error.writer].enumerated() {
        try system("dup2") { cl_dup2(end.rawValue, CInt(number)) }
        end.close()
      }
      return Pipes(input: input.writer, output: output.reader, error: error.reader)
    }
  }

  /// The process has its streams: from now on their ends are its own, so that we see it close them
  /// and it sees us.
  static func leadToNothing() throws(RuntimeError) {
    try step("standard streams") { () throws(SystemError) in
      let null = try FileDescriptor.open("/dev/null", O_RDWR)
      for number: CInt in 0...2 { try system("dup2") { cl_dup2(null.rawValue, number) } }
    }
  }
}
