import Foundation

/// What isolates the containers of a test: namespaces, or a virtual machine of their own, by swrun's
/// global option or because the bundle's annotation says so.
public enum Isolation: String, Sendable {
  case container, vm, annotation

  /// $SWRUN_ISOLATION, so that whole suites run on the other backend; else the container backend.
  public static let standard: Isolation = {
    let name = ProcessInfo.processInfo.environment["SWRUN_ISOLATION"] ?? "container"
    guard let isolation = Isolation(rawValue: name), isolation != .annotation else {
      fatalError("SWRUN_ISOLATION=\(name): container or vm")
    }
    return isolation
  }()

  /// $SWRUN_TEST_KERNEL: the guest kernel of all tests, instead of the one that swrun finds.
  public static let kernel: String? = {
    let path = ProcessInfo.processInfo.environment["SWRUN_TEST_KERNEL"] ?? ""
    return path.isEmpty ? nil : path
  }()

  /// The global options of `create` and `run`.
  public var options: [String] {
    switch self {
    case .container, .annotation: []
    case .vm: ["--vm"] + (Self.kernel.map { ["--kernel", $0] } ?? [])
    }
  }

  /// Seconds that one command may take. An emulated machine boots in seconds where nothing else
  /// runs, and in many times that where its processor is shared.
  public var timeout: Double {
    switch self {
    case .container: 60
    case .vm, .annotation: 360
    }
  }
}
