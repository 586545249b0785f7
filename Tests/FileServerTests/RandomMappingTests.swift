import CLinux
import SeededRandom
import Testing

@testable import FileServer

/// Random requests for mappings in a DAX window, right ones and wrong ones, beside a model of the window that
/// is as plain as a table; SWRUN_SEED repeats a run, SWRUN_SCALE=10 makes it a million.
@Suite struct RandomMappingTests {
  @Test func windowIsAsAsked() throws {
    let generator = SeededRandom("mappings")
    try onServingThread {
      let world = try World(generator)
      let rounds = 100_000 * SeededRandom.scale
      for round in 0..<rounds {
        // Later on nothing can be written any more.
        if round == rounds / 10 * 9 { world.seal() }
        world.step()
        for _ in 0..<2 {
          try #require(world.checkPlace(), "seed \(generator.seed), round \(round)")
        }
        if !world.faults.isEmpty { break }
      }
      #expect(world.faults == [], "seed \(generator.seed)")
      // Of each kind many came through, and many did not.
      #expect(world.mapped > rounds / 20 && world.removed > rounds / 20)
      #expect(world.refused > rounds / 20 && world.written > rounds / 100)
      #expect(world.fixture.read("fixed/known") == "fixed")
    }
  }
}

private final class World {
  private static let unit = UInt64(FileWindow.granule)
  private static let units: UInt64 = 8
  private static let page: UInt64 = 4096

  private struct File {
    let fd: CInt
    var node: UInt64 = 0
    var size: UInt64
    let name: String
  }

  /// What should be in a unit of the window.
  private struct Place {
    let file: Int
    let offset: UInt64
    var isWritable: Bool
  }

  private let window: FileWindow
  let fixture: Fixture
  private var client: Client
  private var random: SeededRandom
  private var files: [File] = []
  private var places = [Place?](repeating: nil, count: Int(units))
  private var directory: UInt64 = 0
  private var isSealed = false
  private var ends: [CInt] = [0, 0]
  private(set) var faults: [String] = []
  private(set) var (mapped, removed, refused, written) = (0, 0, 0, 0)

  init(_ random: SeededRandom) throws {
    self.random = random
    window = try FileWindow(size: Int(Self.units * Self.unit))
    fixture = try Fixture(settings: Settings(window: window), isBounded: true)
    client = try Client(fixture.server)
    for (index, size) in [0, 1, 4097, 1 << 20, 2 << 20 + 100, 5 << 20].enumerated() {
      let name = "file\(index)"
      let path = fixture.path + "/rootfs/" + name
      let fd = cl_openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      #expect(fd >= 0)
      files.append(File(fd: fd, size: 0, name: name))
      resize(index, UInt64(size))
    }
    #expect(pipe(&ends) == 0)
    try begin()
  }

  deinit {
    for file in files { close(file.fd) }
    for end in ends { close(end) }
  }

  /// A guest that starts anew has an empty window, and other numbers for its files.
  private func begin() throws {
    client = try Client(fixture.server)
    directory = try client.walk("rootfs")
    for index in files.indices {
      files[index].node = try client.lookup(directory, files[index].name).nodeid
    }
    places = places.map { _ in nil }
  }

  /// What each page of a file begins with.
  private func mark(_ file: Int, _ offset: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: UInt64(file) &* 37 &+ offset / Self.page &* 11 &+ 1)
  }

  /// The host makes a file longer or shorter; the pages that are new get their marks.
  private func resize(_ file: Int, _ size: UInt64) {
    let before = files[file].size
    #expect(ftruncate(files[file].fd, Int(size)) == 0)
    var offset = min(before, size) / Self.page * Self.page
    while offset < size {
      var byte = mark(file, offset)
      #expect(pwrite(files[file].fd, &byte, 1, Int(offset)) == 1)
      offset += Self.page
    }
    files[file].size = size
  }

  func seal() {
    fixture.server.makeReadOnly(share: "rootfs")
    isSealed = true
    for index in places.indices { places[index]?.isWritable = false }
  }

  func step() {
    switch random.below(1000) {
    case 0..<600: map()
    case 600..<990: remove()
    // The file system has room for 32 MiB, and all six may be that long at once.
    case 990..<999: resize(random.below(files.count), random.below(5 << 20))
    default: if (try? begin()) == nil { faults.append("no new session") }
    }
  }

  /// Mostly a multiple of units, below a number of them.
  private func length(_ limit: UInt64) -> UInt64 {
    switch random.below(20) {
    case 0: random.next()
    case 1: random.below(limit * Self.unit)
    case 2: 0 &- (1 + random.below(limit)) * Self.unit
    default: random.below(limit) * Self.unit
    }
  }

  private func isRange(_ offset: UInt64, _ length: UInt64) -> Bool {
    let size = Self.units * Self.unit
    return offset % Self.unit == 0 && length % Self.unit == 0 && length > 0 && offset < size
      && length <= size - offset
  }

  private func map() {
    var arguments = fuse_setupmapping_in()
    arguments.fh = random.next()
    arguments.foffset = length(4)
    arguments.len = length(4)
    arguments.moffset = length(Self.units + 1)
    arguments.flags = random.below(20) == 0 ? random.next() : random.below(4)
    let isWritable = arguments.flags & UInt64(CL_FUSE_SETUPMAPPING_FLAG_WRITE) != 0
    let file = random.below(files.count + 1)
    let node = file < files.count ? files[file].node : directory
    let (end, isTooFar) = arguments.foffset.addingReportingOverflow(arguments.len)
    let isRight =
      file < files.count && arguments.flags < 4 && isRange(arguments.moffset, arguments.len)
      && arguments.foffset % Self.unit == 0 && !isTooFar && end <= UInt64(Int64.max)
      && !(isWritable && isSealed)
    let result = refusal { try client.send(FUSE_SETUPMAPPING, node, bytes(arguments)) }
    guard (result == 0) == isRight else {
      return faults.append("\(arguments) of \(file): \(result)")
    }
    guard isRight else { return refused += 1 }
    mapped += 1
    let first = arguments.moffset / Self.unit
    for index in 0..<arguments.len / Self.unit {
      places[Int(first + index)] = Place(
        file: file, offset: arguments.foffset + index * Self.unit, isWritable: isWritable)
    }
  }

  private func remove() {
    let count = 1 + random.below(3)
    let claimed = random.below(20) == 0 ? random.below(1000) : count
    var body = bytes(fuse_removemapping_in(count: UInt32(claimed)))
    var isRight = true
    for index in 0..<count {
      let (offset, length) = (length(Self.units + 1), length(4))
      body += bytes(fuse_removemapping_one(moffset: offset, len: length))
      guard isRight, index < claimed else { continue }
      isRight = isRange(offset, length)
      if isRight {
        for place in offset / Self.unit..<(offset + length) / Self.unit { places[Int(place)] = nil }
      }
    }
    if claimed > count { isRight = false }
    let result = refusal { try client.send(FUSE_REMOVEMAPPING, directory, body) }
    guard (result == 0) == isRight else { return faults.append("\(body): \(result)") }
    if isRight { removed += 1 } else { refused += 1 }
  }

  /// Whether a byte of the window is what the model says, to a system call that reads it, and to one that
  /// writes it.
  func checkPlace() -> Bool {
    let page = random.below(Self.unit / Self.page) * Self.page
    // The first pages of a unit are those that small files have.
    let within = random.below(2) == 0 ? page : random.below(3) * Self.page
    let index = random.below(places.count)
    let address = window.base + index * Int(Self.unit) + Int(within)
    let seen = cl_write(ends[1], address, 1)
    var byte: UInt8 = 0
    if seen == 1 { _ = cl_read(ends[0], &byte, 1) }
    guard let place = places[index], place.offset + within < files[place.file].size else {
      return seen == -Int(EFAULT)
    }
    guard seen == 1, byte == mark(place.file, place.offset + within) else { return false }
    _ = cl_write(ends[1], &byte, 1)
    let result = cl_read(ends[0], address, 1)
    if result == 1 { written += 1 } else { _ = cl_read(ends[0], &byte, 1) }
    return place.isWritable ? result == 1 : result == -Int(EFAULT)
  }
}
