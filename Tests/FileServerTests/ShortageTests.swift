import CLinux
import Testing

@testable import FileServer

/// What happens when the guest knows about as many files as it may.
@Suite struct ShortageTests {
  /// A server whose guest may know 100 files, three roots among them; 200 files are there.
  private func withServer(_ body: @escaping @Sendable (Fixture, Client, UInt64) throws -> Void)
    throws
  {
    try onServingThread {
      var settings = Settings()
      settings.limits = Limits(inodes: 100, handles: 10)
      let fixture = try Fixture(settings: settings)
      for index in 0..<200 { fixture.write("rootfs/\(index)", "x") }
      let client = try Client(fixture.server)
      try body(fixture, client, try client.walk("rootfs"))
    }
  }

  /// Whether the guest was to be asked since the last call.
  private static func isAsked(_ server: FileServer) -> Bool { cl_eventfd_take(server.shortage) > 0 }

  @Test func itIsAskedAtThreeQuarters() throws {
    try withServer { fixture, client, root in
      for index in 0..<71 { _ = try client.lookup(root, "\(index)") }
      #expect(!Self.isAsked(fixture.server))
      _ = try client.lookup(root, "71")
      #expect(Self.isAsked(fixture.server))
    }
  }

  @Test func itIsAskedOnceUntilItAnswers() throws {
    try withServer { fixture, client, root in
      let nodes = try (0..<97).map { try client.lookup(root, "\($0)").nodeid }
      #expect(refusal { _ = try client.lookup(root, "97") } == ENFILE)
      // However much happened, it is one question.
      #expect(Self.isAsked(fixture.server))
      #expect(!Self.isAsked(fixture.server))
      #expect(refusal { _ = try client.lookup(root, "97") } == ENFILE)
      #expect(!Self.isAsked(fixture.server))
      // An answer that gave nothing back: the next request at the limit is the next reason to ask.
      fixture.server.shortageWasTold()
      #expect(!Self.isAsked(fixture.server))
      #expect(refusal { _ = try client.lookup(root, "97") } == ENFILE)
      #expect(Self.isAsked(fixture.server))
      // One that gave all back: three quarters again.
      fixture.server.shortageWasTold()
      for node in nodes { try client.forget(node, 1) }
      for index in 0..<71 { _ = try client.lookup(root, "\(index)") }
      #expect(!Self.isAsked(fixture.server))
      _ = try client.lookup(root, "71")
      #expect(Self.isAsked(fixture.server))
    }
  }

  @Test func anAnswerThatGaveLittleBackIsNoReasonToAskAtOnce() throws {
    try withServer { fixture, client, root in
      for index in 0..<72 { _ = try client.lookup(root, "\(index)") }
      #expect(Self.isAsked(fixture.server))
      fixture.server.shortageWasTold()
      for index in 72..<77 { _ = try client.lookup(root, "\(index)") }
      #expect(!Self.isAsked(fixture.server))
      _ = try client.lookup(root, "77")
      #expect(Self.isAsked(fixture.server))
    }
  }

  /// What of the requests that make the guest know a file waits at the limit, and changes nothing then.
  @Test func requestsThatNeedRoomWait() throws {
    try withServer { fixture, client, root in
      let nodes = try (0..<97).map { try client.lookup(root, "\($0)").nodeid }
      let directory = bytes(fuse_mkdir_in(mode: 0o755, umask: 0)) + text("late")
      var create = fuse_create_in()
      create.flags = UInt32(bitPattern: O_RDWR | O_CREAT)
      create.mode = UInt32(S_IFREG) | 0o644
      let node = bytes(fuse_mknod_in(mode: UInt32(S_IFIFO) | 0o644, rdev: 0, umask: 0, padding: 0))
      let requests: [(fuse_opcode, [UInt8])] = [
        (FUSE_LOOKUP, text("97")), (FUSE_MKDIR, directory), (FUSE_MKNOD, node + text("late")),
        (FUSE_SYMLINK, text("late") + text("x")), (FUSE_CREATE, bytes(create) + text("late")),
        (FUSE_TMPFILE, bytes(create) + text("late")),
      ]
      for (opcode, body) in requests {
        #expect(client.attempt(opcode, root, body, mayWait: true) == nil, "\(opcode)")
      }
      #expect(fixture.status("rootfs/late") == nil)
      #expect(!fixture.server.hasRoom)
      // What it knows, and what is not there, needs no room.
      #expect(client.attempt(FUSE_LOOKUP, root, text("5"), mayWait: true) == 0)
      #expect(client.attempt(FUSE_LOOKUP, root, text("nothing"), mayWait: true) == 0)
      let link = bytes(fuse_link_in(oldnodeid: nodes[5])) + text("link")
      #expect(client.attempt(FUSE_LINK, root, link, mayWait: true) == 0)
      // One place each: it is not lost where there was nothing to put into it.
      try client.forget(nodes[96], 1)
      #expect(fixture.server.hasRoom)
      #expect(
        client.attempt(FUSE_MKDIR, root, bytes(fuse_mkdir_in()) + text("1"), mayWait: true)
          == EEXIST)
      #expect(client.attempt(FUSE_LOOKUP, root, text("97"), mayWait: true) == 0)
      #expect(!fixture.server.hasRoom)
    }
  }

  /// A guest that never answers: one request waits in vain, those behind it do not.
  @Test func nobodyWaitsForAGuestThatWasWaitedForInVain() throws {
    try withServer { fixture, client, root in
      let nodes = try (0..<97).map { try client.lookup(root, "\($0)").nodeid }
      func look(_ index: Int, mayWait: Bool = true) -> CInt? {
        client.attempt(FUSE_LOOKUP, root, text("\(index)"), mayWait: mayWait)
      }
      #expect(look(97) == nil)
      #expect(look(97, mayWait: false) == ENFILE)
      #expect(look(97) == ENFILE)
      // It has forgotten something: there is hope again.
      try client.forget(nodes[0], 1)
      #expect(look(97) == 0)
      #expect(look(98) == nil)
      #expect(look(98, mayWait: false) == ENFILE)
      // It has answered: it may do so again.
      fixture.server.shortageWasTold()
      #expect(look(98) == nil)
    }
  }

  /// Waiting ends with the answer to a question that was asked behind the request's coming, and some time
  /// for what is on its way by then.
  @Test func waitingEndsWithAnAnswer() {
    var demand = Demand(capacity: 100)
    var (early, late, last) = (0 as UInt64, 0 as UInt64, 0 as UInt64)
    var verdicts: [Demand.Verdict] = []
    let later: Int64 = 1_000_000_000
    let isAsked = demand.take(75)
    #expect(isAsked)
    verdicts.append(demand.lack(&early, at: 0))
    demand.answer(100, at: 0)
    // It came behind the question: what it needs may have been let go of meanwhile.
    verdicts.append(demand.lack(&early, at: later))
    verdicts.append(demand.lack(&late, at: later))
    #expect(verdicts == [.wait, .ask, .wait])
    demand.answer(100, at: later)
    verdicts = [demand.lack(&early, at: later + 1), demand.lack(&early, at: 2 * later)]
    verdicts.append(demand.lack(&late, at: 2 * later))
    #expect(verdicts == [.wait, .refuse, .ask])
    demand.answer(100, at: 2 * later)
    verdicts = [demand.lack(&late, at: 3 * later), demand.lack(&last, at: 3 * later)]
    #expect(verdicts == [.refuse, .ask])
  }

  /// Threads that make files at the limit, while others are forgotten: what is made is told of.
  @Test func nothingIsMadeThatItIsNotToldOf() throws {
    try withServer { fixture, client, root in
      for index in 0..<92 { _ = try client.lookup(root, "\(index)") }
      let server = fixture.server
      let makers = (0..<4).map { Maker(server, root, $0) }
      for maker in makers { maker.start() }
      for maker in makers { maker.join() }
      #expect(makers.allSatisfy { $0.faults.isEmpty }, "\(makers.flatMap(\.faults))")
      #expect(makers.contains { $0.refused > 0 })
      for maker in makers {
        for name in maker.refusedNames {
          #expect(fixture.status("rootfs/" + name) == nil, "\(name)")
        }
      }
    }
  }

  private final class Maker {
    let client: Client
    let root: UInt64
    let number: Int
    var refusedNames: [String] = []
    var faults: [CInt] = []
    private var thread = pthread_t()
    var refused: Int { refusedNames.count }

    init(_ server: FileServer, _ root: UInt64, _ number: Int) {
      client = Client(joining: server)
      self.root = root
      self.number = number
    }

    func start() {
      pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<Maker>.fromOpaque(argument!).takeUnretainedValue().run()
          return nil
        }, Unmanaged.passUnretained(self).toOpaque())
    }

    func join() { pthread_join(thread, nil) }

    private func run() {
      var made: [UInt64] = []
      for index in 0..<500 {
        let name = "made-\(number)-\(index)"
        let result = refusal { made.append(try client.makeDirectory(root, name).nodeid) }
        if result == ENFILE {
          refusedNames.append(name)
          for node in made { _ = refusal { try client.forget(node, 1) } }
          made = []
        } else if result != 0 {
          faults.append(result)
        }
      }
    }
  }
}

extension Client {
  /// The errno of a request, 0 for none; nil where it is to be handed in again.
  func attempt(_ opcode: fuse_opcode, _ node: UInt64, _ body: [UInt8], mayWait: Bool) -> CInt? {
    var header = fuse_in_header()
    header.len = UInt32(40 + body.count)
    header.opcode = opcode.rawValue
    header.nodeid = node
    let request = UnsafeMutableRawBufferPointer.allocate(byteCount: 40 + body.count, alignment: 8)
    let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
    defer {
      request.deallocate()
      reply.deallocate()
    }
    request.copyBytes(from: bytes(header) + body)
    var ticket: UInt64 = 0
    let written = withUnsafePointer(to: request) { request in
      withUnsafePointer(to: reply) { reply in
        server.handle(
          request: UnsafeBufferPointer(start: request, count: 1),
          reply: UnsafeBufferPointer(start: reply, count: 1), mayWait: mayWait, &ticket)
      }
    }
    guard written != nil else { return nil }
    return -reply.loadUnaligned(as: fuse_out_header.self).error
  }
}
