import CLinux
import JSON
import Linux
import Testing

@testable import GuestProtocol

/// Every message of both directions once, with content that has to be escaped.
enum Samples {
  static var create: CreateRequest {
    var request = CreateRequest()
    request.id = "c1"
    request.spec = "{\"ociVersion\":\"1.2.0\",\n\"process\":{\"args\":[\"a\\u0000b\",\"\\\\\"]}}"
    request.bundle = "/bundles/ä \u{1}"
    request.annotations = ["a": "1", "b\"": ""]
    request.noPivot = true
    request.startsAtOnce = true
    request.terminalSize = WindowSize(rows: 24, columns: 65535)
    request.timeNanoseconds = 1_700_000_000_123_456_789
    request.entropy = [0, 1, 0xab, 0xff]
    request.cacheDirectory = "/run/swrun/.seccomp"
    return request
  }

  static var exec: ExecRequest {
    var request = ExecRequest()
    request.process = "{\"cwd\":\"/\"}"
    request.cgroups = ["a", "memory:b"]
    request.ignorePaused = true
    return request
  }

  static var process: GuestProcess {
    var process = GuestProcess()
    process.pid = 42
    process.ppid = 1
    process.uid = 1000
    process.startTime = 1_700_000_000
    process.cpuSeconds = 12
    process.tty = "pts/0"
    process.command = "sh -c 'é'"
    return process
  }

  static let host: [HostMessage] = [
    .create(create), .exec(exec), .start, .signal(15), .resize(WindowSize(rows: 1, columns: 2)),
    .signalAll(signal: 9), .processes, .update(resources: "{\"pids\":{\"limit\":5}}"),
    .statistics, .watchOOM, .dropCaches,
  ]

  static let guest: [GuestMessage] = [
    .hello(Hello(kernel: "6.1.0-44", agent: "0.1")), .fatal("no root"), .streams(port: 1_000_000),
    .created(pid: 7), .started, .failed(Failure("not found", advice: "look", exitCode: 127)),
    .exited(Exit(code: 143, signal: 15)), .exited(Exit(code: 0)), .warning("w"),
    .done(warnings: ["a", "b"]), .done(warnings: []), .processes([process, GuestProcess()]),
    .statistics("{\"type\":\"stats\"}"), .oom,
  ]
}

struct MessageTests {
  private func roundTrip<Message: FramedMessage & Equatable>(_ messages: [Message]) throws {
    let pair = try StreamPair()
    for message in messages {
      try MessageWriter.send(message, to: pair.first.rawValue)
      var reader = MessageReader<Message>()
      guard case .message(let got) = try reader.next(from: pair.second.rawValue) else {
        Issue.record("\(message.name) did not come")
        continue
      }
      #expect(got == message)
    }
  }

  @Test func hostMessagesComeBackAsTheyWere() throws { try roundTrip(Samples.host) }
  @Test func guestMessagesComeBackAsTheyWere() throws { try roundTrip(Samples.guest) }

  @Test func everyKindHasASample() {
    #expect(Set(Samples.host.map(\.kind)) == Set(HostMessage.Kind.allCases.map(\.rawValue)))
    #expect(Set(Samples.guest.map(\.kind)) == Set(GuestMessage.Kind.allCases.map(\.rawValue)))
  }

  @Test func theHeaderIsLittleEndian() throws {
    #expect(try HostMessage.start.encode() == [2, 0, 0, 0, 3, 0, 1, 0] + Array("{}".utf8))
  }

  @Test func aHostSideKindIsUnknownToTheOtherDirection() {
    #expect(throws: ProtocolError.kind(3)) { try GuestMessage(kind: 3, payload: [123, 125]) }
    #expect(throws: ProtocolError.kind(0x103)) {
      try HostMessage(kind: 0x103, payload: [123, 125])
    }
  }

  @Test(arguments: [
    (0x107 as UInt16, #"{"code":256}"#), (0x107, #"{"code":-1}"#), (0x107, #"{}"#),
    (0x107, #"{"code":1,"signal":65}"#), (0x106, #"{"message":"m","exitCode":0}"#),
    (0x103, #"{"port":-1}"#), (0x103, #"{"port":4294967296}"#), (0x105, #"[]"#),
    (0x105, #"{} {}"#), (0x10a, #"{"list":[{"pid":2147483648}]}"#),
  ])
  func aPayloadThatLiesIsRefused(kind: UInt16, text: String) {
    #expect(throws: ProtocolError.self) { try GuestMessage(kind: kind, payload: Array(text.utf8)) }
  }

  @Test func aRequestGetsTimeAndEntropyWithoutBeingRead() throws {
    var whole = Samples.create
    whole.spec = "{\"a\": \"\\u00e9\\n\"}"
    (whole.timeNanoseconds, whole.entropy) = (0, [])
    var json = JSONWriter()
    whole.write(to: &json)
    (whole.timeNanoseconds, whole.entropy) = (1_234_567_890_123_456_789, [0, 1, 0xaf, 255])
    let payload = try #require(
      CreateRequest.payload(
        json.bytes, timeNanoseconds: whole.timeNanoseconds, entropy: whole.entropy))
    #expect(try HostMessage(kind: 1, payload: payload) == .create(whole))
    for text in ["", "{", "{}", "[1,2]"] {
      #expect(CreateRequest.payload(Array(text.utf8), timeNanoseconds: 1, entropy: []) == nil)
    }
  }

  @Test func guestTextsReachNoTerminalAsControlCodes() throws {
    let text = "a\u{1b}[2J\u{0}b\n" + String(repeating: "x", count: 10_000)
    for message: GuestMessage in [.warning(text), .fatal(text), .failed(Failure(text))] {
      let decoded = try GuestMessage(kind: message.kind, payload: message.payload())
      let shown: String
      switch decoded {
      case .warning(let text), .fatal(let text): shown = text
      case .failed(let failure): shown = failure.message
      default: throw ProtocolError.kind(message.kind)
      }
      #expect(shown.utf8.count < 4200)
      #expect(!shown.utf8.contains { $0 < 0x20 })
    }
  }

  @Test func whatIsTooLargeIsNotSent() {
    let text = String(repeating: "x", count: GuestMessage.limit)
    #expect(throws: ProtocolError.self) { try GuestMessage.statistics(text).encode() }
    var request = CreateRequest()
    request.spec = text
    #expect(throws: Never.self) { try HostMessage.create(request).encode() }
    request.spec = String(repeating: "x", count: HostMessage.createLimit)
    #expect(throws: ProtocolError.self) { try HostMessage.create(request).encode() }
  }
}

/// Two connected stream sockets.
struct StreamPair {
  let first: SharedDescriptor
  let second: SharedDescriptor

  init() throws {
    var fds: (CInt, CInt) = (-1, -1)
    try system("socketpair") {
      withUnsafeMutableBytes(of: &fds) {
        cl_socketpair(
          cl_sock_type(0) | cl_sock_cloexec(), $0.assumingMemoryBound(to: CInt.self).baseAddress!)
      }
    }
    first = SharedDescriptor(FileDescriptor(owning: fds.0))
    second = SharedDescriptor(FileDescriptor(owning: fds.1))
  }

  func send(_ bytes: [UInt8]) throws { try FileDescriptor.writeAll(first.rawValue, bytes) }
}
