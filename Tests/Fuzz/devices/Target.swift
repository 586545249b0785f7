import CLinux
import GuestMemory
import Linux
import Virtio

/// Address space without access: who touches a byte of it ends the run.
private let window = GuestMemory.Region(
  guestAddress: 0x4000_0000, size: 0x1_0000,
  base: cl_mmap(
    nil, 0x1_0000, PROT_NONE, CInt(CL_MAP_PRIVATE | CL_MAP_ANONYMOUS | CL_MAP_NORESERVE), -1, 0)!)
private let memory = GuestMemory(
  regions: try! GuestMemory.allocate(size: 2 << 20, shared: false).regions, window: window)

/// A driver whose every step is the input's, before one of the devices. The first byte names the
/// device; afterwards the device must still take a reset.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = Input(Array(UnsafeBufferPointer(start: start, count: count)))
  // It is never unmapped: that of one guest serves all.
  _ = memory.slice(at: 0, count: 2 << 20)!.initializeMemory(as: UInt8.self, repeating: 0)
  let kind = input.byte()
  let vsock = VsockDevice(guestCID: 3, listener: nil)
  let console = ConsoleDevice { _ in }
  let balloon = BalloonDevice(memory: memory)
  let files = try! FilesystemDevice(
    tag: "fuzz", queueSize: 64, threads: 1,
    window: SharedMemory(id: 0, guestAddress: window.guestAddress, size: window.size),
    handler: Echo())
  let device: any VirtioDevice =
    switch kind % 5 {
    case 0: try! RandomDevice()
    case 1: console
    case 2: balloon
    case 3: vsock
    default: files
    }
  let driver = Driver(device, memory)
  var ends: [SharedDescriptor] = []
  while !input.isEmpty {
    let step = input.byte()
    if step & 0xf0 != 0xf0 {
      driver.step(step, &input)
      continue
    }
    switch step & 7 {
    case 0:
      _ = console.type(input.take(Int(input.byte())))
      balloon.setTarget(pages: UInt32(input.byte()))
    case 1, 2:
      if ends.count < 8, let end = try? vsock.connect(port: UInt32(input.byte() & 3)) {
        ends.append(SharedDescriptor(end))
      }
    case 3, 4:
      guard let end = ends.last else { break }
      let bytes = input.take(Int(input.byte()) * 16)
      _ = bytes.withUnsafeBytes {
        $0.isEmpty ? 0 : cl_send(end.rawValue, $0.baseAddress!, $0.count, true)
      }
    case 5:
      guard let end = ends.last else { break }
      var bytes = [UInt8](repeating: 0, count: 4096)
      _ = cl_recv(end.rawValue, &bytes, bytes.count, true)
    case 6: if !ends.isEmpty { ends.removeLast().close() }
    default: if !ends.isEmpty { ends.removeFirst().close() }
    }
    driver.settle()
  }
  driver.close()
  precondition(!driver.transport.isActive)
  files.stop()
  for end in ends { end.close() }
  return 0
}

/// Answers a request with the bytes of it, and lies about how many; some it answers the next time alone.
private final class Echo: FilesystemHandler, @unchecked Sendable {
  // Of the one thread that the device has.
  private var calls = 0
  private var looks = 0
  func prepareThread() {}
  var canGoOn: Bool {
    looks += 1
    return looks % 2 == 0
  }
  func handle(request: Segments, reply: Segments, waiting: inout RequestWaiting) -> Int? {
    calls += 1
    // Never twice in a row.
    if waiting.isAllowed, calls % 5 == 0 { return nil }
    var sum = 0
    func isMemory(_ segment: UnsafeMutableRawBufferPointer) -> Bool {
      let start = segment.baseAddress!
      return start < window.base || start >= window.base + Int(window.size)
    }
    for segment in request where isMemory(segment) {
      for byte in segment.prefix(64) { sum &+= Int(byte) }
    }
    for segment in reply where !segment.isEmpty && isMemory(segment) {
      segment[0] = UInt8(truncatingIfNeeded: sum)
    }
    return sum % 5 == 0 ? Int.max : sum
  }
}

struct Input {
  private var rest: ArraySlice<UInt8>
  init(_ bytes: [UInt8]) { rest = bytes[...] }
  var isEmpty: Bool { rest.isEmpty }
  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
  mutating func word() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }
  mutating func take(_ count: Int) -> [UInt8] {
    let part = Array(rest.prefix(count))
    rest = rest.dropFirst(part.count)
    return part
  }
}
