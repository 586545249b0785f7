/// A directory or single file of the host that the guest sees under `name` in the root.
public struct Share: Sendable {
  /// One path component: `rootfs`, `0`, `1`.
  public let name: String
  /// An O_PATH descriptor of it, which the server duplicates.
  public let root: CInt
  /// Whether the guest can change nothing in it, whatever its kernel thinks.
  public let isReadOnly: Bool

  public init(name: String, root: CInt, isReadOnly: Bool) {
    self.name = name
    self.root = root
    self.isReadOnly = isReadOnly
  }
}

/// What a guest can use up at most; beyond it the guest gets ENFILE.
public struct Limits: Sendable {
  /// Files and directories that the guest knows, one descriptor each.
  public var inodes: Int
  /// Files and directories that the guest has open, one descriptor each.
  public var handles: Int

  public init(inodes: Int = 400_000, handles: Int = 65_536) {
    self.inodes = inodes
    self.handles = handles
  }

  /// The most descriptors that a process with these limits needs.
  public var descriptors: Int { inodes + handles + Self.reserve }

  /// Descriptors of the process that are not the guest's to use up.
  static let reserve = 512

  /// These limits, or smaller ones in the same proportion where the process can't have so many
  /// descriptors: a guest must not take those by which the rest of the process works.
  func fitting(descriptors: Int) -> Limits {
    let usable = max(128, descriptors - Self.reserve)
    guard inodes + handles > usable else { return self }
    let part = max(32, Int(Double(handles) / Double(inodes + handles) * Double(usable)))
    return Limits(inodes: usable - part, handles: part)
  }
}

/// How long the guest trusts what it has read.
public enum CacheMode: Sendable {
  /// Nothing is kept: each access asks the host. Shared mappings need a 6.6 kernel.
  case none
  /// Names and attributes for one second; data until a file has changed.
  case auto
  /// All is kept: for shares that nobody else changes.
  case always
}

/// How a server behaves towards its guest.
public struct Settings: Sendable {
  public var limits: Limits
  public var cache: CacheMode
  /// Whether O_DIRECT of the guest bypasses the page cache of the host too.
  public var passesDirect: Bool
  /// Where the guest can have files mapped; nil for nowhere.
  public var window: FileWindow?
  /// The size of a file from which on the guest should map it.
  var smallestMapped = FileServer.smallestMapped

  public init(
    limits: Limits = Limits(), cache: CacheMode = .auto, passesDirect: Bool = false,
    window: FileWindow? = nil
  ) {
    self.limits = limits
    self.cache = cache
    self.passesDirect = passesDirect
    self.window = window
  }
}
