/// The state of a container as `state` prints it and hooks read it (runtime.md, "State").
public struct State: Sendable, Equatable {
  /// The version of the specification with which the state complies.
  public var ociVersion: String
  /// The id of the container.
  public var id: String
  /// Where the container is in its life.
  public var status: Status
  /// The process of the container in the caller's pid namespace; absent once it has ended.
  public var pid: Int32?
  /// The absolute path of the bundle.
  public var bundle: String
  /// The annotations of the configuration.
  public var annotations: [String: String]

  public init(
    ociVersion: String, id: String, status: Status, pid: Int32? = nil, bundle: String,
    annotations: [String: String] = [:]
  ) {
    self.ociVersion = ociVersion
    self.id = id
    self.status = status
    self.pid = pid
    self.bundle = bundle
    self.annotations = annotations
  }
}

extension State {
  /// Where a container is in its life; `paused` is an addition that engines know.
  public enum Status: String, Sendable, CaseIterable {
    case creating, created, running, stopped, paused
  }
}
