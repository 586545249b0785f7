import CLinux
import GuestProtocol
import Linux
import Testing

@testable import GuestAgent
@testable import GuestSession

extension Trait where Self == ConditionTrait {
  static var root: Self { .enabled(if: geteuid() == 0, "needs root") }
}

/// Sessions of the agent on this machine's kernel, driven by the host's side of the protocol.
@Suite(.root) struct AgentSessionTests {
  private func run(
    _ guest: TestGuest, _ script: String, input: String = ""
  ) throws -> (event: GuestSession.Event, process: TestProcess) {
    let process = try TestProcess(guest)
    try process.create(guest.request(script))
    try process.start()
    try FileDescriptor.writeAll(process.input.writer.rawValue, Array(input.utf8))
    process.endInput()
    return (try process.next(), process)
  }

  @Test func aProcessRunsToItsEnd() throws {
    let guest = try TestGuest()
    let (event, process) = try run(guest, "echo out; echo err >&2; exit 7")
    #expect(event == .exited(code: 7))
    #expect(process.out == "out\n")
    #expect(process.err == "err\n")
    #expect(guest.end())
  }

  @Test func inputAndItsEndReachTheProcess() throws {
    let guest = try TestGuest()
    let (event, process) = try run(guest, "cat; echo end", input: "some\ninput")
    #expect(event == .exited(code: 0))
    #expect(process.out == "some\ninputend\n")
  }

  @Test func streamsCanBeOpenedAgain() throws {
    let guest = try TestGuest()
    let (event, process) = try run(guest, "echo one > /dev/stdout; echo two > /dev/stderr")
    #expect(event == .exited(code: 0))
    #expect(process.out == "one\n")
    #expect(process.err == "two\n")
  }

  @Test func outputLargerThanEveryBufferIsWhole() throws {
    let guest = try TestGuest()
    let (event, process) = try run(guest, "head -c 20000000 /dev/zero; printf end")
    #expect(event == .exited(code: 0))
    #expect(process.out.utf8.count == 20_000_003)
    #expect(process.out.hasSuffix("end"))
  }

  @Test func signalsReachTheProcess() throws {
    let guest = try TestGuest()
    let process = try TestProcess(guest)
    try process.create(
      guest.request("trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done"))
    try process.start()
    while process.out.isEmpty { _ = try process.session.next(timeout: 20) }
    try process.session.signal(SIGUSR1)
    #expect(try process.next() == .exited(code: 9))
  }

  @Test func aSignalThatEndsItIsItsCode() throws {
    let guest = try TestGuest()
    let process = try TestProcess(guest)
    try process.create(guest.request("sleep 100"))
    guard case .created = try process.next() else { return #expect(Bool(false)) }
    // Before the start as well.
    try process.session.signal(SIGKILL)
    #expect(try process.next() == .exited(code: 137))
  }

  @Test func aProgramThatIsNotThereIsTheFailure() throws {
    let guest = try TestGuest()
    let process = try TestProcess(guest)
    try process.create(guest.request("") { $0.process?.args = ["/bin/nothing"] })
    guard case .failed(let error) = try process.next() else { return #expect(Bool(false)) }
    #expect(error.exitCode == 127)
    #expect(guest.end())
  }

  @Test func aWrongConfigurationIsTheFailure() throws {
    let guest = try TestGuest()
    let process = try TestProcess(guest)
    var request = guest.request("true")
    request.spec = "{}"
    try process.create(request)
    guard case .failed(let error) = try process.next() else { return #expect(Bool(false)) }
    #expect(error.message.contains("config.json"))
  }

  @Test func whoeverWritesToAHostThatReadsNoMoreGetsSIGPIPE() throws {
    let guest = try TestGuest()
    // Its output is a pipe that nobody reads.
    let output = try Pipe()
    let session = GuestSession(
      connect: { (port) throws(SystemError) in try guest.connect(port) }, terminal: false,
      stdio: (
        try FileDescriptor.open("/dev/null", O_RDONLY).release(),
        FileDescriptor(owning: cl_dup(output.writer.rawValue)).release(),
        try FileDescriptor.open("/dev/null", O_WRONLY).release()
      ))
    output.reader.close()
    output.writer.close()
    try session.create(
      HostMessage.create(guest.request("yes; exit $?")).payload())
    guard case .created = try session.next(timeout: 20_000) else {
      return #expect(Bool(false))
    }
    try session.start()
    #expect(try session.next(timeout: 20_000) == .started)
    #expect(try session.next(timeout: 20_000) == .exited(code: 141))
  }

  @Test func whoeverWritesToAProcessThatReadsNoMoreLearnsOfIt() throws {
    let guest = try TestGuest()
    let process = try TestProcess(guest)
    try process.create(guest.request("exec 0<&-; echo closed; sleep 1000"))
    try process.start()
    var polled = pollfd(fd: process.input.writer.rawValue, events: 0, revents: 0)
    while cl_poll(&polled, 1, 0) == 0 { _ = try process.session.next(timeout: 20) }
    #expect(polled.revents & Int16(POLLERR) != 0)
  }

  @Test func aHostThatIsGoneTakesTheProcessWithIt() throws {
    let guest = try TestGuest()
    var process: TestProcess? = try TestProcess(guest)
    try process?.create(guest.request("sleep 100"))
    try process?.start()
    let pid = process?.pid ?? 0
    #expect(ProcessStatus(pid: pid) != nil)
    process = nil
    #expect(guest.end())
    #expect(ProcessStatus(pid: pid) == nil)
  }

  /// The runner's kernel is this one: its caches are a file of the test.
  @Test func cachesAreDropped() throws {
    let guest = try TestGuest()
    let path = guest.directory + "/caches"
    #expect(throws: RuntimeError.self) { try guest.ask(.dropCaches) }
    _ = try FileDescriptor.open(path, O_WRONLY | O_CREAT, mode: 0o600)
    #expect(try guest.ask(.dropCaches) == .done(warnings: []))
    #expect(try File.read(path, limit: 100) == Array("2".utf8))
    #expect(guest.end())
  }

  /// Before a process exists as well as after that it is a fault of the session.
  @Test(arguments: [true, false]) func cachesAreAMatterOfASessionOfTheirOwn(early: Bool) throws {
    let guest = try TestGuest()
    let control = try guest.connect(Port.agent)
    func send(_ message: HostMessage) throws {
      try MessageWriter.send(message, to: control.rawValue)
    }
    var reader = MessageReader<GuestMessage>()
    func next() throws -> GuestMessage? {
      guard case .message(let message) = try reader.next(from: control.rawValue, waits: true) else {
        return nil
      }
      return message
    }
    try send(.create(guest.request("sleep 100")))
    if early { try send(.dropCaches) }
    guard case .streams(let port) = try next() else { return #expect(Bool(false)) }
    var streams: [SharedDescriptor] = []
    for index: UInt8 in 0..<3 {
      streams.append(SharedDescriptor(try guest.connect(port)))
      try FileDescriptor.writeAll(streams.last!.rawValue, [index])
    }
    guard case .created = try next() else { return #expect(Bool(false)) }
    if !early { try send(.dropCaches) }
    guard case .failed(let failure) = try next() else { return #expect(Bool(false)) }
    #expect(failure.message.contains("dropCaches makes no sense"), "\(failure)")
    #expect(try next() == nil)
    #expect(guest.end())
  }

  @Test func aSessionBeginsWithARequest() throws {
    let guest = try TestGuest()
    #expect(throws: RuntimeError.self) { try guest.ask(.start) }
    #expect(throws: RuntimeError.self) { try guest.ask(.statistics) }
  }
}
