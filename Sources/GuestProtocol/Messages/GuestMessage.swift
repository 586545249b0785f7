internal import JSON

/// What the agent tells the host.
///
/// The guest is not trusted: texts for people are cut and freed of control characters where they
/// are decoded.
public enum GuestMessage: Sendable, Equatable {
  /// The agent is there; the first message on the boot connection.
  case hello(Hello)
  /// The agent cannot go on; the last one on the boot connection.
  case fatal(String)
  /// The host shall attach the process's streams at this vsock port.
  case streams(port: UInt32)
  /// The process waits for `start`; its pid is the guest's.
  case created(pid: Int32)
  /// The process executes its program.
  case started
  /// What was asked for did not happen; the last message of the session.
  case failed(Failure)
  /// The process has ended and its output is on its way; the last message of the session.
  case exited(Exit)
  case warning(String)
  case done(warnings: [String])
  case processes([GuestProcess])
  /// The statistics of the container's cgroup, as the JSON text that `events --stats` prints.
  case statistics(String)
  case oom

  /// Most bytes of any message.
  public static let limit = 1 << 20

  enum Kind: UInt16, CaseIterable {
    case hello = 0x101
    case fatal, streams, created, started, failed, exited, warning, done, processes, statistics, oom
  }
}

extension GuestMessage: FramedMessage {
  public static func limit(of kind: UInt16) -> Int? { Kind(rawValue: kind).map { _ in limit } }

  public init(kind: UInt16, payload: [UInt8]) throws(ProtocolError) {
    guard let known = Kind(rawValue: kind) else { throw .kind(kind) }
    switch known {
    case .hello: self = .hello(try decoded(Hello.self, payload, of: "\(known)"))
    case .fatal:
      self = .fatal(Self.printable(try Single<String>.read("message", payload, of: "\(known)")))
    case .streams: self = .streams(port: try Single<UInt32>.read("port", payload, of: "\(known)"))
    case .created: self = .created(pid: try Single<Int32>.read("pid", payload, of: "\(known)"))
    case .started:
      _ = try decoded(Empty.self, payload, of: "\(known)")
      self = .started
    case .failed: self = .failed(try decoded(Failure.self, payload, of: "\(known)"))
    case .exited: self = .exited(try decoded(Exit.self, payload, of: "\(known)"))
    case .warning:
      self = .warning(Self.printable(try Single<String>.read("message", payload, of: "\(known)")))
    case .done:
      let warnings = try Single<[String]>.read("warnings", payload, of: "\(known)")
      self = .done(warnings: warnings.prefix(64).map(Self.printable))
    case .processes:
      self = .processes(try Single<[GuestProcess]>.read("list", payload, of: "\(known)"))
    case .statistics:
      self = .statistics(try Single<String>.read("json", payload, of: "\(known)"))
    case .oom:
      _ = try decoded(Empty.self, payload, of: "\(known)")
      self = .oom
    }
  }

  /// A text of the guest, fit for a terminal and a log.
  static func printable(_ text: String) -> String { JSONPlace.printable(text, limit: 4096) }

  private var known: Kind {
    switch self {
    case .hello: .hello
    case .fatal: .fatal
    case .streams: .streams
    case .created: .created
    case .started: .started
    case .failed: .failed
    case .exited: .exited
    case .warning: .warning
    case .done: .done
    case .processes: .processes
    case .statistics: .statistics
    case .oom: .oom
    }
  }

  public var kind: UInt16 { known.rawValue }
  public var name: String { "\(known)" }

  public func payload() -> [UInt8] {
    switch self {
    case .hello(let hello): encoded(hello)
    case .fatal(let message), .warning(let message): Single<String>.write("message", message)
    case .streams(let port): Single<UInt32>.write("port", port)
    case .created(let pid): Single<Int32>.write("pid", pid)
    case .failed(let failure): encoded(failure)
    case .exited(let exit): encoded(exit)
    case .done(let warnings): Single<[String]>.write("warnings", warnings)
    case .processes(let list): Single<[GuestProcess]>.write("list", list)
    case .statistics(let json): Single<String>.write("json", json)
    case .started, .oom: encoded(Empty())
    }
  }
}
