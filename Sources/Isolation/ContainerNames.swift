internal import CLinux
internal import Linux

/// The containers of an open state directory in the order of their ids, whose files are opened below
/// it: `list` makes neither a string nor an array for each.
///
/// It does not change: several threads may ask it, each with room of its own for the paths of files.
final class ContainerNames: Sendable {
  private let directory: FileDescriptor
  /// The names, one after the other, and where each stands.
  private let names: [UInt8]
  private let order: [Range<Int>]

  /// Reads the directory, whose path is `root`; what is not named as a container can be is left out.
  init(_ directory: consuming FileDescriptor, _ root: String) throws(RuntimeError) {
    self.directory = directory
    var names: [UInt8] = []
    var order: [Range<Int>] = []
    let opened = self.directory.rawValue
    try step("--root \(root)") { () throws(SystemError) in
      try FileDescriptor.forEachEntry(of: opened, root, room: 32 << 10) { name in
        if name[0] == UInt8(ascii: ".") || !ContainerID.isValid(name) { return }
        order.append(names.count..<names.count + name.count)
        unsafe name.withUnsafeBufferPointer { unsafe names.append(contentsOf: $0) }
      }
    }
    unsafe names.withUnsafeBytes { text in
      order.sort { one, other in
        let common = min(one.count, other.count)
        let start = text.baseAddress!
        let difference = unsafe memcmp(start + one.lowerBound, start + other.lowerBound, common)
        return difference == 0 ? one.count < other.count : difference < 0
      }
    }
    self.names = names
    self.order = order
  }

  var count: Int { order.count }

  func name(_ index: Int) -> String { String(decoding: names[order[index]], as: UTF8.self) }

  /// Valid as long as the names are.
  func place(_ id: ContainerID) -> ContainerPlace {
    ContainerPlace(id: id, directory: DirectoryReference(directory), prefix: "\(id)/")
  }

  /// Reads the beginning of a container's record; its size, 0 when it could not be read.
  func readRecord(
    _ index: Int, into buffer: UnsafeMutableBufferPointer<UInt8>, _ path: inout [UInt8]
  ) -> Int {
    let parent = directory.rawValue
    let opened = unsafe withPath(index, ContainerDirectory.recordName, &path) {
      unsafe cl_openat(parent, $0, O_RDONLY | O_CLOEXEC, 0)
    }
    if opened < 0 { return 0 }
    let file = FileDescriptor(owning: opened)
    return max(0, unsafe cl_read(file.rawValue, buffer.baseAddress, buffer.count))
  }

  func has(_ index: Int, _ file: String, _ path: inout [UInt8]) -> Bool {
    let parent = directory.rawValue
    var status = stat()
    return unsafe withPath(index, file, &path) {
      unsafe cl_fstatat(parent, $0, &status, AT_SYMLINK_NOFOLLOW) == 0
    }
  }

  private func withPath<Value>(
    _ index: Int, _ file: String, _ path: inout [UInt8],
    _ body: (UnsafePointer<CChar>) -> Value
  ) -> Value {
    path.removeAll(keepingCapacity: true)
    path.append(contentsOf: names[order[index]])
    path.append(UInt8(ascii: "/"))
    path.append(contentsOf: file.utf8)
    path.append(0)
    return unsafe path.withUnsafeBytes {
      unsafe body($0.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
  }
}
