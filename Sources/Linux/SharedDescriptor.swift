/// A descriptor that several values refer to, or that stands in an array; closed with the last
/// reference, or handed on once by `take`.
public final class SharedDescriptor {
  private var descriptor: FileDescriptor?

  public init(_ descriptor: consuming FileDescriptor) { self.descriptor = consume descriptor }

  /// The number; -1 once it was taken or closed.
  public var rawValue: CInt {
    switch descriptor {
    case .some(let descriptor): descriptor.rawValue
    case .none: -1
    }
  }

  /// The owned descriptor; nil when somebody took it before.
  public func take() -> FileDescriptor? { descriptor.take() }

  /// Closes it now instead of with the last reference.
  public func close() { _ = descriptor.take() }
}

extension SharedDescriptor {
  /// One that refers to nothing.
  public static var closed: SharedDescriptor { SharedDescriptor() }

  private convenience init() {
    self.init(FileDescriptor(owning: -1))
    close()
  }
}
