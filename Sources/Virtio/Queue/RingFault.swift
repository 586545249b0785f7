/// What a driver did to a ring that no correct one does; the queue is dead until it is reset.
public enum RingFault: Sendable, Equatable, CustomStringConvertible {
  /// The available index is further ahead than the ring is long.
  case availableIndex
  /// A descriptor number behind the end of its table.
  case descriptorIndex
  /// A chain of more descriptors than the ring has: a loop, or too long.
  case chainLength
  /// A buffer outside of guest memory.
  case bufferRange
  /// All buffers of a chain are together longer than 4 GiB.
  case totalLength
  /// A buffer for the device to read behind one for it to write.
  case bufferOrder
  /// An indirect descriptor where none was negotiated, or inside an indirect table.
  case indirectNotAllowed
  /// A table of indirect descriptors that is empty, of broken length, or outside of guest memory.
  case indirectTable
  /// More chains lent at once than the ring has descriptors.
  case tooManyLent

  public var description: String {
    switch self {
    case .availableIndex: "the available index runs ahead of the ring"
    case .descriptorIndex: "a descriptor number is outside of its table"
    case .chainLength: "a chain of descriptors is longer than the ring"
    case .bufferRange: "a buffer is outside of guest memory"
    case .totalLength: "the buffers of a chain are longer than 4 GiB"
    case .bufferOrder: "a readable buffer stands behind a writable one"
    case .indirectNotAllowed: "an indirect descriptor stands where none is allowed"
    case .indirectTable: "a table of indirect descriptors is broken"
    case .tooManyLent: "more chains are in use than the ring has descriptors"
    }
  }
}
