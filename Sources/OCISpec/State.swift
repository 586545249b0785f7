public import JSON

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

extension State: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var ociVersion: String?
    var id: String?
    var status: Status?
    var pid: Int32?
    var bundle: String?
    var annotations: [String: String] = [:]
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "ociVersion": try json.read(&ociVersion)
      case "id": try json.read(&id)
      case "status": try json.read(&status)
      case "pid": try json.read(&pid)
      case "bundle": try json.read(&bundle)
      case "annotations": try json.annotations(&annotations)
      default: try json.skip()
      }
    }
    self.init(
      ociVersion: try json.require(ociVersion, "ociVersion", in: object),
      id: try json.require(id, "id", in: object),
      status: try json.require(status, "status", in: object),
      pid: pid,
      bundle: try json.require(bundle, "bundle", in: object),
      annotations: annotations)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    writeMembers(to: &json)
    json.endObject()
  }

  /// The members alone, for an object that has others besides.
  public func writeMembers(to json: inout JSONWriter) {
    json.member("ociVersion", ociVersion)
    json.member("id", id)
    json.member("status", status)
    json.member("pid", pid)
    json.member("bundle", bundle)
    json.member("annotations", annotations, omitting: [:])
  }
}

extension State {
  /// Where a container is in its life; `paused` is an addition that engines know.
  public enum Status: String, Sendable, CaseIterable {
    case creating, created, running, stopped, paused
  }
}

extension State.Status: JSONEnumeration {}
