import CLinux
import SeededRandom
import Testing

@testable import FileServer

/// Random requests, whose seed is printed; nothing may trap, hang or reach what is no share.
@Suite struct RandomTests {
  @Test func garbage() throws {
    let generator = SeededRandom("garbage")
    try onServingThread {
      var random = generator
      var settings = Settings()
      settings.limits = Limits(inodes: 200, handles: 50)
      settings.window = try FileWindow(size: 8 * FileWindow.granule)
      let fixture = try Fixture(settings: settings, isBounded: true)
      var known: [UInt64] = [1, 2, 3, 4]
      for round in 0..<100_000 * SeededRandom.scale {
        if round % 5000 == 0 { _ = try Client(fixture.server) }
        let (request, opcode) = Self.request(&random, known)
        let reply = fixture.server.exchange(
          Self.cut(request, &random), room: Self.rooms(&random))
        guard reply.count > 16 else { continue }
        let out = value(fuse_out_header.self, in: reply)
        #expect(Int(out.len) == reply.count)
        // Numbers that were given make later requests reach further.
        let isEntry = [FUSE_LOOKUP, FUSE_CREATE, FUSE_MKDIR, FUSE_MKNOD].contains(opcode)
        let isHandle = [FUSE_OPEN, FUSE_OPENDIR].contains(opcode)
        if isEntry || isHandle, reply.count >= 24 {
          known.append(value(UInt64.self, in: Array(reply[16..<24])))
        }
        if opcode == FUSE_CREATE, reply.count >= 160 {
          known.append(value(UInt64.self, in: Array(reply[144..<152])))
        }
        if known.count > 100 { known.removeSubrange(4..<50) }
      }
      #expect(fixture.read("outside/secret") == "secret")
      #expect(fixture.read("fixed/known") == "fixed")
      #expect(fixture.status("outside")?.st_mode == UInt32(S_IFDIR) | 0o755)
    }
  }

  private static let names = ["a", "b", "c", "known", "..", ".", "", "a/b", "link", "fifo"]

  private static func request(
    _ random: inout SeededRandom, _ known: [UInt64]
  ) -> (bytes: [UInt8], opcode: fuse_opcode) {
    let opcode = fuse_opcode(
      rawValue: random.below(20) == 0 ? UInt32(random.below(5000)) : UInt32(random.below(52)))
    var body: [UInt8] = []
    // Words of all kinds, then names of all kinds.
    for _ in 0..<random.below(12) {
      switch random.below(6) {
      case 0: body += bytes(random.next())
      case 1: body += bytes(UInt64(random.below(8192)))
      case 2: body += bytes(UInt32(random.below(1 << 16))) + bytes(UInt32(random.below(16)))
      case 3 where random.below(2) == 0: body += bytes(UInt64(random.below(9) * FileWindow.granule))
      case 3: body += bytes(UInt64.max >> UInt64(random.below(64)))
      default: body += bytes(known[random.below(known.count)])
      }
    }
    for _ in 0..<random.below(4) { body += text(names[random.below(names.count)]) }
    for _ in 0..<random.below(30) { body.append(UInt8(truncatingIfNeeded: random.next())) }
    var header = fuse_in_header()
    header.len = UInt32(40 + body.count)
    if random.below(30) == 0 { header.len = UInt32(truncatingIfNeeded: random.next()) }
    header.opcode = opcode.rawValue
    header.unique = random.next()
    header.nodeid = known[random.below(known.count)]
    header.uid = UInt32(random.below(3) * 1000)
    header.gid = UInt32(random.below(3) * 1000)
    header.total_extlen = random.below(10) == 0 ? UInt16(random.below(1 << 16)) : 0
    var all = bytes(header) + body
    if random.below(50) == 0 { all.removeLast(random.below(all.count)) }
    return (all, opcode)
  }

  private static func cut(_ request: [UInt8], _ random: inout SeededRandom) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var rest = request[...]
    while !rest.isEmpty {
      let size = random.below(3) == 0 ? 1 + random.below(rest.count) : rest.count
      parts.append(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    return parts
  }

  private static func rooms(_ random: inout SeededRandom) -> [Int] {
    (0..<random.below(4)).map { _ in random.below(5) == 0 ? random.below(20) : random.below(9000) }
  }
}
