internal import CLinux
internal import GuestProtocol
internal import Linux

/// The agent's connection to the host, over which it says that it is there, and perhaps why not
/// any more.
struct BootConnection {
  private let socket: SharedDescriptor

  /// Connects, and says hello.
  init(agent version: String) throws(RuntimeError) {
    var release = [CChar](repeating: 0, count: 65)
    let kernel =
      unsafe cl_kernel_release(&release, release.count) == 0
      ? String(decoding: release.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      : ""
    socket = SharedDescriptor(
      try step(
        "connection to the host", advice: "the machine needs a virtio vsock device"
      ) { () throws(SystemError) in try Vsock.connect(port: Port.boot) })
    try send(.hello(Hello(kernel: kernel, agent: version)))
  }

  /// Says why the guest ends; what cannot be said is on the console.
  func tell(fatal message: String) { try? send(.fatal(message)) }

  private func send(_ message: GuestMessage) throws(RuntimeError) {
    do { try MessageWriter.send(message, to: socket.rawValue) } catch {
      throw RuntimeError("connection to the host: \(error)")
    }
  }

  /// In a session's process, which has no business with it.
  func close() { socket.close() }
}
