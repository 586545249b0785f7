internal import JSON

/// What the host tells the agent.
public enum HostMessage: Sendable, Equatable {
  case create(CreateRequest)
  case exec(ExecRequest)
  /// Lets the created process execute its program.
  case start
  case signal(Int32)
  case resize(WindowSize)
  /// A signal to every process of the container.
  case signalAll(signal: Int32)
  case processes
  /// New limits, as the JSON text of OCI's resources.
  case update(resources: String)
  case statistics
  /// Tell me of each out-of-memory event, until this connection ends.
  case watchOOM
  /// Let the guest's kernel forget files that nobody uses.
  case dropCaches

  /// Most bytes of a `create`, which holds a whole configuration.
  public static let createLimit = 20 << 20
  /// Most bytes of every other message.
  public static let limit = 1 << 20

  enum Kind: UInt16, CaseIterable {
    case create = 1
    case exec, start, signal, resize, signalAll, processes, update, statistics, watchOOM
    case dropCaches
  }

  /// The frame of a `create` whose payload was encoded before.
  public static func createFrame(payload: [UInt8]) throws(ProtocolError) -> [UInt8] {
    try encode(kind: Kind.create.rawValue, payload: payload, "create")
  }
}

extension HostMessage: FramedMessage {
  public static func limit(of kind: UInt16) -> Int? {
    Kind(rawValue: kind).map { $0 == .create ? createLimit : limit }
  }

  public init(kind: UInt16, payload: [UInt8]) throws(ProtocolError) {
    guard let known = Kind(rawValue: kind) else { throw .kind(kind) }
    func empty() throws(ProtocolError) { _ = try decoded(Empty.self, payload, of: "\(known)") }
    switch known {
    case .create: self = .create(try decoded(CreateRequest.self, payload, of: "\(known)"))
    case .exec: self = .exec(try decoded(ExecRequest.self, payload, of: "\(known)"))
    case .signal: self = .signal(try Single<Int32>.read("number", payload, of: "\(known)"))
    case .resize: self = .resize(try decoded(WindowSize.self, payload, of: "\(known)"))
    case .signalAll:
      self = .signalAll(signal: try Single<Int32>.read("signal", payload, of: "\(known)"))
    case .update:
      self = .update(resources: try Single<String>.read("resources", payload, of: "\(known)"))
    case .start:
      try empty()
      self = .start
    case .processes:
      try empty()
      self = .processes
    case .statistics:
      try empty()
      self = .statistics
    case .watchOOM:
      try empty()
      self = .watchOOM
    case .dropCaches:
      try empty()
      self = .dropCaches
    }
  }

  private var known: Kind {
    switch self {
    case .create: .create
    case .exec: .exec
    case .start: .start
    case .signal: .signal
    case .resize: .resize
    case .signalAll: .signalAll
    case .processes: .processes
    case .update: .update
    case .statistics: .statistics
    case .watchOOM: .watchOOM
    case .dropCaches: .dropCaches
    }
  }

  public var kind: UInt16 { known.rawValue }
  public var name: String { "\(known)" }

  public func payload() -> [UInt8] {
    switch self {
    case .create(let request): encoded(request)
    case .exec(let request): encoded(request)
    case .signal(let number): Single<Int32>.write("number", number)
    case .resize(let size): encoded(size)
    case .signalAll(let signal): Single<Int32>.write("signal", signal)
    case .update(let resources): Single<String>.write("resources", resources)
    case .start, .processes, .statistics, .watchOOM, .dropCaches: encoded(Empty())
    }
  }
}
