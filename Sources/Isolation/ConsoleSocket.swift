internal import CLinux
public import Linux

/// The sockets on which an engine waits for a descriptor (`--console-socket`, `--pidfd-socket`).
public enum DescriptorSocket {
  /// Connects and sends `descriptor` with `text` as the message, as runc does it: the terminal's
  /// name for a console.
  public static func send(
    _ descriptor: CInt, text: String, to path: String, option: String
  ) throws(RuntimeError) {
    try step("\(option) \(path)", advice: "a unix stream socket must listen there") {
      () throws(SystemError) in
      let socket = try FileDescriptor.connectUnix(path)
      try socket.sendMessage(Array(text.utf8), passing: [descriptor])
    }
  }
}
