public import JSON

/// The configuration of a container: config.json of the OCI runtime specification 1.0 to 1.2.
///
/// The properties have the names and the meaning of the specification (config.md). Absent is
/// `nil`, or empty where absent and empty mean the same.
public struct Spec: Sendable, Equatable {
  /// The version of the specification with which the bundle complies, such as `1.0.2`.
  public var ociVersion: String
  /// The process of the container.
  public var process: Process? {
    @inlinable _read { yield sections.value.process }
    _modify {
      var changed = sections.value
      defer { sections = Sections(changed) }
      yield &changed.process
    }
  }
  /// The root filesystem of the container.
  public var root: Root?
  /// The hostname as seen inside the container.
  public var hostname: String?
  /// The NIS domain name as seen inside the container.
  public var domainname: String?
  /// The mounts on top of the root filesystem, in the order in which they are made.
  public var mounts: [Mount]
  /// The commands that are run at points of the container's life.
  public var hooks: Hooks
  /// Metadata that is passed on and that engines read.
  public var annotations: [String: String]
  /// What is particular to Linux.
  public var linux: Linux {
    @inlinable _read { yield sections.value.linux }
    _modify {
      var changed = sections.value
      defer { sections = Sections(changed) }
      yield &changed.linux
    }
  }
  /// What is particular to a container in a virtual machine.
  public var vm: VM? {
    @inlinable _read { yield sections.value.vm }
    _modify {
      var changed = sections.value
      defer { sections = Sections(changed) }
      yield &changed.vm
    }
  }
  /// The section of Solaris, which has no meaning on Linux.
  public var solaris: PlatformSection?
  /// The section of Windows, which has no meaning on Linux.
  public var windows: PlatformSection?
  /// The section of z/OS, which has no meaning on Linux.
  public var zos: PlatformSection?
  /// In one place of their own, so that a configuration that is handed on is 200 bytes instead of 1300.
  @usableFromInline var sections: Sections

  public init(
    ociVersion: String, process: Process? = nil, root: Root? = nil, hostname: String? = nil,
    domainname: String? = nil, mounts: [Mount] = [], hooks: Hooks = Hooks(),
    annotations: [String: String] = [:], linux: Linux = Linux(), vm: VM? = nil,
    solaris: PlatformSection? = nil, windows: PlatformSection? = nil, zos: PlatformSection? = nil
  ) {
    self.ociVersion = ociVersion
    self.root = root
    self.hostname = hostname
    self.domainname = domainname
    self.mounts = mounts
    self.hooks = hooks
    self.annotations = annotations
    sections = Sections(Sections.Value(process: process, linux: linux, vm: vm))
    self.solaris = solaris
    self.windows = windows
    self.zos = zos
  }
}

extension Spec {
  /// The large sections, which do not change; inlined, so that who reads one member copies no other.
  @usableFromInline final class Sections: Sendable, Equatable {
    @usableFromInline struct Value: Sendable, Equatable {
      @usableFromInline var process: Process?
      @usableFromInline var linux = Linux()
      @usableFromInline var vm: VM?
    }
    @usableFromInline let value: Value

    init(_ value: Value) { self.value = value }

    @usableFromInline static func == (one: Sections, other: Sections) -> Bool {
      one === other || one.value == other.value
    }
  }
}

extension Spec: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(ociVersion: "")
    var ociVersion: String?
    var large = Sections.Value()
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "ociVersion": try json.read(&ociVersion)
      case "process": try json.read(&large.process)
      case "root": try json.read(&root)
      case "hostname": try json.nonEmpty(&hostname)
      case "domainname": try json.nonEmpty(&domainname)
      case "mounts": try json.read(&mounts)
      case "hooks": try json.read(&hooks)
      case "annotations": try json.annotations(&annotations)
      case "linux": try json.read(&large.linux)
      case "vm": try json.read(&large.vm)
      case "solaris": try json.read(&solaris)
      case "windows": try json.read(&windows)
      case "zos": try json.read(&zos)
      default: try json.skip()
      }
    }
    self.ociVersion = try json.require(ociVersion, "ociVersion", in: object)
    sections = Sections(large)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("ociVersion", ociVersion)
    json.member("process", process)
    json.member("root", root)
    json.member("hostname", hostname)
    json.member("domainname", domainname)
    json.member("mounts", mounts, omitting: [])
    json.member("hooks", hooks, omitting: Hooks())
    json.member("annotations", annotations, omitting: [:])
    json.member("linux", linux, omitting: Linux())
    json.member("vm", vm)
    json.member("solaris", solaris)
    json.member("windows", windows)
    json.member("zos", zos)
    json.endObject()
  }
}

extension Spec {
  /// The root filesystem of the container (config.md, "Root").
  public struct Root: Sendable, Equatable {
    /// The path of the root filesystem, absolute or relative to the bundle.
    public var path: String
    /// True when the container sees its root filesystem as read-only.
    public var readonly: Bool

    public init(path: String, readonly: Bool = false) {
      self.path = path
      self.readonly = readonly
    }
  }
}

extension Spec.Root: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init(path: "")
    var path: String?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "path": try json.read(&path)
      case "readonly": try json.read(&readonly)
      default: try json.skip()
      }
    }
    self.path = try json.require(path, "path", in: object)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("path", path)
    json.member("readonly", readonly, omitting: false)
    json.endObject()
  }
}
