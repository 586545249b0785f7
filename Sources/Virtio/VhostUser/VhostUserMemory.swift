internal import CLinux
internal import GuestMemory
internal import Linux

/// The memory of a front-end's guest, mapped here; unmapped with the last reference.
@safe final class VhostUserMemory: @unchecked Sendable {
  static let regionLimit = 8

  /// One entry of the front-end's memory table.
  struct Region: Equatable {
    let guestAddress: UInt64
    let size: UInt64
    /// Where the front-end itself has it mapped: ring addresses are told so.
    let userAddress: UInt64
    let fileOffset: UInt64
  }

  let guest: GuestMemory
  let table: [Region]
  /// Device and inode of each region's file: the same table may be sent again.
  private let files: [UInt64]
  private let mappings: [UnsafeMutableRawBufferPointer]

  /// Maps what a table says, after it was checked as a whole.
  init(_ message: VhostUserMessage) throws(VhostUserFault) {
    let table = try Self.table(message)
    var files: [UInt64] = []
    for (region, descriptor) in zip(table, message.descriptors) {
      files += try Self.identity(descriptor, region)
    }
    var mappings: [UnsafeMutableRawBufferPointer] = unsafe []
    for (region, descriptor) in zip(table, message.descriptors) {
      guard
        let base = unsafe cl_mmap(
          nil, Int(region.size), PROT_READ | PROT_WRITE, CInt(CL_MAP_SHARED | CL_MAP_NORESERVE),
          descriptor.rawValue, Int64(region.fileOffset))
      else {
        let error = SystemError(cl_errno(), "mmap", "guest memory of \(region.size) bytes")
        unsafe Self.unmap(mappings)
        throw .connection(error)
      }
      unsafe mappings.append(
        UnsafeMutableRawBufferPointer(start: base, count: Int(region.size)))
    }
    var regions: [GuestMemory.Region] = []
    for (index, region) in table.enumerated() {
      regions.append(
        unsafe GuestMemory.Region(
          guestAddress: region.guestAddress, size: region.size,
          base: mappings[index].baseAddress!, fileOffset: region.fileOffset))
    }
    guest = GuestMemory(regions: regions.sorted { $0.guestAddress < $1.guestAddress })
    self.table = table
    self.files = files
    unsafe self.mappings = unsafe mappings
  }

  deinit { unsafe Self.unmap(mappings) }

  private static func unmap(_ mappings: [UnsafeMutableRawBufferPointer]) {
    for index in unsafe mappings.indices {
      let mapping = unsafe mappings[index]
      _ = unsafe cl_munmap(mapping.baseAddress!, mapping.count)
    }
  }

  /// Whether both are the same memory in the same places.
  func isSame(as other: VhostUserMemory) -> Bool { table == other.table && files == other.files }

  /// The guest address of an address of the front-end; nil outside of its table.
  func guestAddress(of userAddress: UInt64) -> UInt64? {
    for region in table where userAddress >= region.userAddress {
      let offset = userAddress &- region.userAddress
      if offset < region.size { return region.guestAddress &+ offset }
    }
    return nil
  }

  /// The table of a message, its numbers checked against each other.
  private static func table(_ message: VhostUserMessage) throws(VhostUserFault) -> [Region] {
    guard message.payload.count >= 8 else {
      throw .badLength(message.request, message.payload.count)
    }
    var fields = VhostUserFields(message.payload)
    let count = Int(fields.next32())
    _ = fields.next32()
    guard (1...regionLimit).contains(count) else {
      throw .badValue(message.request, "\(count) regions")
    }
    _ = try message.fields(8 + 32 * count, descriptors: count)
    var table: [Region] = []
    for _ in 0..<count {
      let guest = fields.next64()
      let size = fields.next64()
      let user = fields.next64()
      let region = Region(
        guestAddress: guest, size: size, userAddress: user, fileOffset: fields.next64())
      let limit: UInt64 = 1 << 47
      guard region.size > 0, region.size <= limit, region.guestAddress <= limit,
        region.fileOffset <= limit,
        !region.userAddress.addingReportingOverflow(region.size).overflow,
        (region.guestAddress | region.size | region.fileOffset | region.userAddress) & 0xfff == 0
      else { throw .badValue(message.request, "region \(region)") }
      for other in table {
        guard
          !overlaps(region.guestAddress, region.size, other.guestAddress, other.size),
          !overlaps(region.userAddress, region.size, other.userAddress, other.size)
        else { throw .badValue(message.request, "regions overlap at \(region)") }
      }
      table.append(region)
    }
    return table
  }

  private static func overlaps(
    _ first: UInt64, _ firstSize: UInt64, _ second: UInt64, _ secondSize: UInt64
  ) -> Bool {
    first < second &+ secondSize && second < first &+ firstSize
  }

  /// Which file a region lies in. It must hold the whole region, for good: access behind the end of
  /// a file that shrinks would kill this process.
  private static func identity(
    _ descriptor: SharedDescriptor, _ region: Region
  ) throws(VhostUserFault) -> [UInt64] {
    do throws(SystemError) {
      let seals = try system("fcntl", "seals of the guest's memory") {
        cl_fcntl(descriptor.rawValue, cl_get_seals(), 0)
      }
      var status = stat()
      try system("fstat", "guest memory") { unsafe cl_fstat(descriptor.rawValue, &status) }
      guard seals & cl_seal_shrink() != 0,
        region.fileOffset &+ region.size <= UInt64(max(0, status.st_size))
      else { throw SystemError(EINVAL, "mmap", "guest memory that is short, or may shrink") }
      return [UInt64(status.st_dev), UInt64(status.st_ino)]
    } catch {
      throw .connection(error)
    }
  }
}
