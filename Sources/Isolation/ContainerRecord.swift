public import JSON
internal import Linux

/// What swrun keeps of a container between two commands (`status` in its directory, the
/// name that crun gives its own).
public struct ContainerRecord: Sendable, Equatable {
  /// The version of this file's format; another one is refused.
  static let currentFormat = 1

  public var id: String
  public var ociVersion: String
  /// The absolute path of the bundle.
  public var bundle: String
  /// The absolute path of the root file system.
  public var rootfs: String
  /// When `create` began, RFC 3339 in UTC with nanoseconds.
  public var created: String
  /// The user who created the container.
  public var owner: UInt32
  /// The container's first process in the caller's pid namespace; 0 until it exists.
  public var pid: Int32 = 0
  /// When that process started, in clock ticks after boot: tells it from a later one of that pid.
  public var startTime: UInt64 = 0
  /// Whether it never waits for `start`, as that of `run`: no socket for it has to be looked for.
  public var startsAtOnce = false
  /// Whether the process, which has its pid already, is still made into the container's: a guest
  /// takes its time to boot.
  public var isSettingUp = false
  public var annotations: [String: String]
  /// Which backend runs it, and why that one.
  public var isolation: String
  public var isolationReason: String
  /// `cgroupfs`, `systemd` or `disabled`.
  public var cgroupManager: String
  /// The container's directory in each hierarchy.
  public var cgroups: JSONTexts = [:]
  /// What is known of a VM: `engine`, `engineReason`, `kernel`, `memory` in bytes, `processors`.
  public var machine: [String: String] = [:]
  /// What the standard streams led to at `create`, as the text of a JSON array: a checkpoint would
  /// have to connect them again. crun keeps the same under the same name. Written, never read.
  public var externalDescriptors = "[]"

  public init(
    id: String, ociVersion: String, bundle: String, rootfs: String, created: String,
    owner: UInt32, annotations: [String: String], isolation: String, isolationReason: String,
    cgroupManager: String
  ) {
    self.id = id
    self.ociVersion = ociVersion
    self.bundle = bundle
    self.rootfs = rootfs
    self.created = created
    self.owner = owner
    self.annotations = annotations
    self.isolation = isolation
    self.isolationReason = isolationReason
    self.cgroupManager = cgroupManager
  }
}

extension ContainerRecord: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    try self.init(&json, withAllCgroups: true)
  }

  /// Without all cgroups it has only those that can be frozen, which is what `list` needs to know.
  init(_ json: inout JSONReader, withAllCgroups: Bool) throws(JSONError) {
    self.init(
      id: "", ociVersion: "", bundle: "", rootfs: "", created: "", owner: 0, annotations: [:],
      isolation: "", isolationReason: "", cgroupManager: "")
    var format = 0
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "format": try json.read(&format)
      case "id": try json.read(&id)
      case "ociVersion": try json.read(&ociVersion)
      case "bundle": try json.read(&bundle)
      case "rootfs": try json.read(&rootfs)
      case "created": try json.read(&created)
      case "owner": try json.read(&owner)
      case "pid": try json.read(&pid)
      case "startTime": try json.read(&startTime)
      case "startsAtOnce": try json.read(&startsAtOnce)
      case "settingUp": try json.read(&isSettingUp)
      case "annotations": try json.read(&annotations)
      case "isolation": try json.read(&isolation)
      case "isolationReason": try json.read(&isolationReason)
      case "cgroupManager": try json.read(&cgroupManager)
      case "cgroups" where !withAllCgroups: try readFreezers(&json)
      case "cgroups": try json.read(&cgroups)
      case "machine": try json.read(&machine)
      default: try json.skip()
      }
    }
    guard format == Self.currentFormat else {
      throw json.invalid(
        "format \(format) is not the one of this swrun (\(Self.currentFormat))", at: start)
    }
  }

  private mutating func readFreezers(_ json: inout JSONReader) throws(JSONError) {
    try json.beginObject()
    while let key = try json.nextStringKey() {
      // v2, the v1 hierarchy of that name, or one that may have it beside other controllers.
      if key.isEmpty || key == "freezer"
        || (key.utf8.count > 8 && key.utf8.contains(UInt8(ascii: ",")))
      {
        cgroups[key] = try json.string()
      } else {
        try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("format", Self.currentFormat)
    json.member("id", id)
    json.member("ociVersion", ociVersion)
    json.member("bundle", bundle)
    json.member("rootfs", rootfs)
    json.member("created", created)
    json.member("owner", owner)
    json.member("pid", pid)
    json.member("startTime", startTime)
    if startsAtOnce { json.member("startsAtOnce", true) }
    if isSettingUp { json.member("settingUp", true) }
    json.member("annotations", annotations)
    json.member("isolation", isolation)
    json.member("isolationReason", isolationReason)
    json.member("cgroupManager", cgroupManager)
    json.member("cgroups", cgroups)
    if !machine.isEmpty { json.member("machine", machine) }
    json.member("external_descriptors", externalDescriptors)
    json.endObject()
  }
}

extension ContainerRecord {
  /// Whether the container's first process is alive; one that became a zombie is not.
  public var isAlive: Bool {
    process != nil
  }

  /// The container's first process as long as it is alive.
  var process: ProcessStatus? { ProcessStatus.living(pid: pid, startTime: startTime) }
}

extension ContainerRecord {
  /// The value of `externalDescriptors` for the calling process; a closed stream is an empty name.
  static func standardStreams() -> String {
    var json = JSONWriter()
    json.beginArray()
    for descriptor in 0...2 {
      json.string((try? File.readLink("/proc/self/fd/\(String(decimal: Int(descriptor)))")) ?? "")
    }
    json.endArray()
    return String(decoding: json.bytes, as: UTF8.self)
  }
}
