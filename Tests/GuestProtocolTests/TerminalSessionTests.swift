import CLinux
import GuestProtocol
import GuestSession
import Linux
import Testing

/// A session at a terminal whose other side is the test's.
private struct TerminalSetting {
  let agent = FakeAgent()
  let session: GuestSession
  let master: SharedDescriptor

  init() throws {
    master = SharedDescriptor(try FileDescriptor.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK))
    _ = cl_pty_unlock(master.rawValue)
    let slave = cl_pty_peer(master.rawValue, O_RDWR | O_NOCTTY | O_CLOEXEC)
    var state = termios()
    _ = cl_tcgetattr(slave, &state)
    cl_cfmakeraw(&state)
    _ = cl_tcsetattr(slave, &state)
    session = GuestSession(
      connect: agent.connector, terminal: true,
      stdio: (input: slave, output: slave, error: slave))
    try session.exec(ExecRequest())
    _ = try agent.receive()
    try agent.send(.streams(port: 5000))
    try agent.send(.created(pid: 1))
    #expect(try session.next(timeout: 10_000) == .created(pid: 1))
  }

  /// What comes next; a terminal's bytes pass through a queue of the kernel.
  func readMaster() -> [UInt8]? {
    var polled = pollfd(fd: master.rawValue, events: Int16(POLLIN), revents: 0)
    _ = cl_poll(&polled, 1, 10_000)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = cl_read(master.rawValue, &bytes, bytes.count)
    return count < 0 ? (count == -Int(EAGAIN) ? [] : nil) : Array(bytes[..<count])
  }
}

struct TerminalSessionTests {
  @Test func oneConnectionCarriesBothDirectionsByteForByte() throws {
    let setting = try TerminalSetting()
    let stream = try setting.agent.stream(0)
    #expect(setting.agent.connections.count == 2)
    try FileDescriptor.writeAll(setting.master.rawValue, [3, 4, 13, 10])
    #expect(try setting.agent.wait(stream, 4, pumping: setting.session) == [3, 4, 13, 10])
    try FileDescriptor.writeAll(stream, Array("a\r\n".utf8))
    #expect(try setting.session.next(timeout: 0) == .timeout)
    #expect(setting.readMaster() == Array("a\r\n".utf8))
  }

  @Test func theWindowsSizeIsSent() throws {
    let setting = try TerminalSetting()
    var size = winsize()
    size.ws_row = 12
    size.ws_col = 34
    _ = cl_set_window_size(setting.master.rawValue, &size)
    try setting.session.resizeToWindow()
    #expect(try setting.agent.receive() == .resize(WindowSize(rows: 12, columns: 34)))
  }

  @Test func aHangUpOfOurTerminalHangsUpTheGuests() throws {
    let setting = try TerminalSetting()
    let stream = try setting.agent.stream(0)
    setting.master.close()
    while try setting.agent.read(stream) != nil {
      #expect(try setting.session.next(timeout: 1) == .timeout)
    }
    var byte: UInt8 = 1
    #expect(cl_send(stream, &byte, 1, true) == -Int(EPIPE))
  }

  @Test func theLastOutputComesBeforeTheCode() throws {
    let setting = try TerminalSetting()
    let stream = try setting.agent.stream(0)
    try setting.session.start()
    try setting.agent.send(.started)
    #expect(try setting.session.next(timeout: 10_000) == .started)
    try FileDescriptor.writeAll(stream, Array("bye".utf8))
    try setting.agent.send(.exited(Exit(code: 3)))
    setting.agent.connections[1].peer.close()
    #expect(try setting.session.next(timeout: 10_000) == .exited(code: 3))
    #expect(setting.readMaster() == Array("bye".utf8))
  }
}
