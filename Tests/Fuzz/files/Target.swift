import CLinux
import FileServer
import Linux

/// FUSE requests on a small file system of their own, in a mount namespace of the fuzzer's. After
/// each input the file beside the shares is what it was.
///
/// Some of the rooms for replies lie in the DAX window, which nothing but a system call survives.
///
/// A request is an opcode, the number of a node, an identity, and pieces of a body: words, names,
/// numbers that the server gave out.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = Input(Array(UnsafeBufferPointer(start: start, count: count)))
  let scratch = Scratch.shared
  scratch.clear()
  let server = scratch.server()
  defer { server.clearWindow() }
  var known: [UInt64] = [1, 2, 3, 4]
  _ = exchange(server, Request.initial, [4096])
  while !input.isEmpty {
    let request = Request(&input, known)
    let reply = exchange(server, request.bytes, request.rooms, inWindow: request.isInWindow)
    guard reply.count >= 16 else { continue }
    let length = Int(number(UInt32.self, reply, 0))
    precondition(
      request.isInWindow ? length >= reply.count : length == reply.count, "a length that is none")
    for offset in [16, 144] where reply.count >= offset + 8 && known.count < 200 {
      known.append(number(UInt64.self, reply, offset))
    }
  }
  scratch.check()
  return 0
}

private func exchange(
  _ server: FileServer, _ request: [UInt8], _ rooms: [Int], inWindow: Bool = false
) -> [UInt8] {
  let input = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, request.count), alignment: 8)
  input.copyBytes(from: request)
  let replies = rooms.map {
    UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, $0), alignment: 8)
  }
  defer {
    input.deallocate()
    for reply in replies { reply.deallocate() }
  }
  // In two segments: structures may lie across their border.
  let half = request.count / 2
  let segments = [
    UnsafeMutableRawBufferPointer(rebasing: input[..<half]),
    UnsafeMutableRawBufferPointer(rebasing: input[half..<request.count]),
  ].filter { !$0.isEmpty }
  var answers = zip(replies, rooms).map { UnsafeMutableRawBufferPointer(rebasing: $0[..<$1]) }
  if inWindow, let last = answers.indices.last {
    answers[last] = UnsafeMutableRawBufferPointer(
      start: Scratch.shared.window.base, count: answers[last].count)
  }
  answers = answers.filter { !$0.isEmpty }
  let written = segments.withUnsafeBufferPointer { segments in
    answers.withUnsafeBufferPointer { server.handle(request: segments, reply: $0) }
  }
  precondition(written <= rooms.reduce(0, +), "more than there was room for")
  let readable = inWindow ? answers.dropLast() : answers[...]
  return Array(readable.flatMap { Array($0) }.prefix(written))
}

private func number<Value: FixedWidthInteger & BitwiseCopyable>(
  _ type: Value.Type, _ bytes: [UInt8], _ offset: Int
) -> Value {
  bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
}

private func bytes<Value: BitwiseCopyable>(_ value: Value) -> [UInt8] {
  withUnsafeBytes(of: value) { Array($0) }
}

private struct Input {
  private var rest: ArraySlice<UInt8>
  init(_ bytes: [UInt8]) { rest = bytes[...] }
  var isEmpty: Bool { rest.isEmpty }
  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
  mutating func take(_ count: Int) -> [UInt8] {
    let part = Array(rest.prefix(count))
    rest = rest.dropFirst(part.count)
    return part
  }
}

private struct Request {
  let bytes: [UInt8]
  let rooms: [Int]
  let isInWindow: Bool

  private static let names = [
    "a", "b", "known", "single", "..", ".", "", "a/b", "link", "user.x",
    "system.posix_acl_access", "security.capability",
  ]

  init(_ input: inout Input, _ known: [UInt64]) {
    let opcode = input.byte()
    let node = known[Int(input.byte()) % known.count]
    let options = input.byte()
    var body: [UInt8] = []
    for _ in 0..<Int(options & 7) {
      let piece = input.byte()
      switch piece & 7 {
      case 0: body += Fuzz.bytes(known[Int(piece >> 3) % known.count])
      case 1 where piece >> 3 >= 24:
        body += Fuzz.bytes(UInt64(piece >> 3 - 24) * UInt64(FileWindow.granule))
      case 1: body += Fuzz.bytes(UInt32(piece >> 3))
      case 2: body += Fuzz.bytes(UInt64.max >> UInt64(piece >> 3))
      case 3: body += [UInt8](repeating: 0, count: Int(piece >> 3) * 4)
      case 4: body += Array(Self.names[Int(piece >> 3) % Self.names.count].utf8) + [0]
      default: body += input.take(Int(piece >> 3))
      }
    }
    let identity: UInt32 = options & 8 == 0 ? 0 : 1000
    var header = fuse_in_header()
    header.len = UInt32(40 + body.count)
    header.opcode = UInt32(opcode)
    header.unique = 1
    header.nodeid = node
    header.uid = identity
    header.gid = identity
    if options & 16 != 0 { header.total_extlen = UInt16(input.byte()) }
    bytes = Fuzz.bytes(header) + body
    rooms = options & 32 == 0 ? [16, 8192] : [Int(input.byte()), Int(input.byte()) * 64]
    isInWindow = options & 64 != 0
  }

  /// FUSE_INIT with all that a kernel can offer.
  static var initial: [UInt8] {
    var header = fuse_in_header()
    let body =
      Fuzz.bytes(UInt32(7)) + Fuzz.bytes(UInt32(38)) + Fuzz.bytes(UInt32(0))
      + Fuzz.bytes(UInt32.max) + Fuzz.bytes(UInt32.max >> 1) + [UInt8](repeating: 0, count: 44)
    header.len = UInt32(40 + body.count)
    header.opcode = FUSE_INIT.rawValue
    return Fuzz.bytes(header) + body
  }
}
