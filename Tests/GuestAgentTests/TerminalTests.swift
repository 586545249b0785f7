import CLinux
import GuestProtocol
import Linux
import Testing

@testable import GuestAgent
@testable import GuestSession

/// A process with a terminal, whose other side is the host's terminal in raw mode.
@Suite(.root) struct TerminalTests {
  /// A terminal of the test, in raw mode; what is sent is what its user types.
  private final class Screen {
    let master: FileDescriptor
    let slave: FileDescriptor
    private(set) var shown = ""

    init() throws {
      let opened = try FileDescriptor.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
      let number = opened.rawValue
      try system("ioctl") { cl_pty_unlock(number) }
      slave = FileDescriptor(
        owning: try system("ioctl") { cl_pty_peer(number, O_RDWR | O_NOCTTY | O_CLOEXEC) })
      master = opened
      var state = termios()
      _ = cl_tcgetattr(slave.rawValue, &state)
      cl_cfmakeraw(&state)
      _ = cl_tcsetattr(slave.rawValue, &state)
    }

    func type(_ text: String) throws { try master.writeAll(Array(text.utf8)) }

    /// Takes what was written to the terminal.
    func look() {
      var bytes = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = cl_read(master.rawValue, &bytes, bytes.count)
        if count <= 0 { return }
        shown += String(decoding: bytes[..<count], as: UTF8.self)
      }
    }
  }

  private func session(_ guest: TestGuest, _ screen: Screen) throws -> GuestSession {
    let own = try screen.slave.duplicate().release()
    return GuestSession(
      connect: { (port) throws(SystemError) in try guest.connect(port) }, terminal: true,
      stdio: (own, own, own))
  }

  /// Copies until the screen shows a text, or the process has ended.
  private func wait(
    _ session: GuestSession, _ screen: Screen, for text: String
  ) throws -> GuestSession.Event? {
    while !screen.shown.contains(text) {
      let event = try session.next(watching: [screen.master.rawValue], timeout: 20_000)
      screen.look()
      if case .readable = event { continue }
      return event
    }
    return nil
  }

  private func started(
    _ guest: TestGuest, _ screen: Screen, _ script: String, _ size: WindowSize? = nil
  ) throws -> GuestSession {
    var request = guest.request(script) { $0.process?.terminal = true }
    request.terminalSize = size
    let session = try session(guest, screen)
    try session.create(HostMessage.create(request).payload())
    guard case .created = try session.next(timeout: 20_000) else {
      throw TestProcess.Unexpected(description: "no process")
    }
    try session.start()
    #expect(try session.next(timeout: 20_000) == .started)
    return session
  }

  @Test func itHasItsSizeFromTheStartAndFollowsTheHosts() throws {
    let guest = try TestGuest()
    let screen = try Screen()
    let session = try started(
      guest, screen, "trap 'stty size; exit 4' WINCH; stty size; echo ready; while :; do :; done",
      WindowSize(rows: 33, columns: 77))
    #expect(try wait(session, screen, for: "ready") == nil)
    #expect(screen.shown.contains("33 77\r\n"))
    try session.resize(rows: 11, columns: 22)
    #expect(try wait(session, screen, for: "11 22\r\n") == nil)
    #expect(try wait(session, screen, for: "never") == .exited(code: 4))
  }

  @Test func whatIsTypedReachesTheProcess() throws {
    let guest = try TestGuest()
    let screen = try Screen()
    let session = try started(guest, screen, "read line; echo got $line; cat; echo over")
    try screen.type("words\n")
    #expect(try wait(session, screen, for: "got words\r\n") == nil)
    // The end of a terminal's input is a character.
    try screen.type("\u{4}")
    #expect(try wait(session, screen, for: "never") == .exited(code: 0))
    screen.look()
    #expect(screen.shown.hasSuffix("over\r\n"))
  }

  @Test func theLastOutputIsWhole() throws {
    let guest = try TestGuest()
    let screen = try Screen()
    let session = try started(guest, screen, "head -c 3000 /dev/zero | tr '\\0' x; printf end")
    #expect(try wait(session, screen, for: "never") == .exited(code: 0))
    screen.look()
    #expect(screen.shown == String(repeating: "x", count: 3000) + "end")
  }

  @Test func anotherProcessHasItsOwnTerminal() throws {
    let guest = try TestGuest()
    let first = try TestProcess(guest)
    try first.create(guest.request("sleep 1000"))
    try first.start()
    let screen = try Screen()
    let session = try session(guest, screen)
    var request = guest.execRequest(["/bin/sh", "-c", "tty; stty size; exit 6"], terminal: true)
    request.terminalSize = WindowSize(rows: 5, columns: 6)
    try session.exec(request)
    guard case .created = try session.next(timeout: 20_000) else {
      return #expect(Bool(false))
    }
    try session.start()
    #expect(try session.next(timeout: 20_000) == .started)
    #expect(try wait(session, screen, for: "never") == .exited(code: 6))
    screen.look()
    #expect(screen.shown == "/dev/pts/0\r\n5 6\r\n")
  }

  @Test func aHostThatHangsUpIsSIGHUP() throws {
    let guest = try TestGuest()
    let first = try TestProcess(guest)
    try first.create(guest.request("echo > /tmp/wait; while [ -e /tmp/wait ]; do sleep 0.05; done"))
    try first.start()
    var screen: Screen? = try Screen()
    let session = try session(guest, #require(screen))
    try session.exec(
      guest.execRequest(
        ["/bin/sh", "-c", "trap 'rm /tmp/wait; exit 1' HUP; echo ready; read x; sleep 1000"],
        terminal: true))
    guard case .created = try session.next(timeout: 20_000) else {
      return #expect(Bool(false))
    }
    try session.start()
    #expect(try session.next(timeout: 20_000) == .started)
    #expect(try wait(session, #require(screen), for: "ready") == nil)
    screen = nil
    // Its trap has run: the first process goes on.
    var ended = false
    while !ended {
      switch try session.next(timeout: 20) {
      case .timeout: break
      case .exited, .lost: ended = true
      case let event: throw TestProcess.Unexpected(description: "\(event)")
      }
    }
    #expect(try first.next() == .exited(code: 0))
  }
}
