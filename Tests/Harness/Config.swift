import Foundation

/// A config.json that tests change by dotted paths: `config["process.user.uid"] = 1000`.
public struct Config {
  public var json: [String: Any]

  public init(_ json: [String: Any]) { self.json = json }

  public subscript(path: String) -> Any? {
    get { Config.get(json, path.split(separator: ".").map(String.init)[...]) }
    set {
      let keys = path.split(separator: ".").map(String.init)[...]
      json = Config.set(json, keys, newValue)
    }
  }

  private static func get(_ value: [String: Any], _ keys: ArraySlice<String>) -> Any? {
    guard let first = keys.first else { return value }
    guard keys.count > 1 else { return value[first] }
    return (value[first] as? [String: Any]).flatMap { get($0, keys.dropFirst()) }
  }

  private static func set(_ value: [String: Any], _ keys: ArraySlice<String>, _ new: Any?)
    -> [String: Any]
  {
    var value = value
    guard let first = keys.first else { return value }
    if keys.count == 1 {
      value[first] = new
    } else {
      value[first] = set(value[first] as? [String: Any] ?? [:], keys.dropFirst(), new)
    }
    return value
  }

  public mutating func args(_ args: String...) { self["process.args"] = args }
  public mutating func args(_ args: [String]) { self["process.args"] = args }
  /// The process is the shell with this script.
  public mutating func sh(_ script: String) { args("/bin/sh", "-c", script) }
  public mutating func env(_ variable: String) {
    self["process.env"] = (self["process.env"] as? [String] ?? []) + [variable]
  }

  public var mounts: [[String: Any]] {
    get { json["mounts"] as? [[String: Any]] ?? [] }
    set { json["mounts"] = newValue }
  }
  public mutating func mount(
    _ destination: String, type: String? = nil, source: String? = nil, options: [String] = []
  ) {
    var mount: [String: Any] = ["destination": destination, "options": options]
    if let type { mount["type"] = type }
    if let source { mount["source"] = source }
    mounts.append(mount)
  }
  public mutating func bind(_ source: String, _ destination: String, _ options: String...) {
    mount(destination, type: "bind", source: source, options: ["bind"] + options)
  }
  public mutating func tmpfs(_ destination: String, _ options: String...) {
    mount(destination, type: "tmpfs", source: "tmpfs", options: options)
  }
  public mutating func dropMount(_ destination: String) {
    mounts.removeAll { $0["destination"] as? String == destination }
  }
  public mutating func changeMount(_ destination: String, _ edit: (inout [String: Any]) -> Void) {
    for index in mounts.indices where mounts[index]["destination"] as? String == destination {
      edit(&mounts[index])
    }
  }

  public var namespaces: [[String: Any]] {
    get { self["linux.namespaces"] as? [[String: Any]] ?? [] }
    set { self["linux.namespaces"] = newValue }
  }
  /// Adds or replaces a namespace; with a path it is joined.
  public mutating func namespace(_ type: String, path: String? = nil) {
    dropNamespace(type)
    namespaces.append(path.map { ["type": type, "path": $0] } ?? ["type": type])
  }
  public mutating func dropNamespace(_ type: String) {
    namespaces.removeAll { $0["type"] as? String == type }
  }

  /// The same list in these sets of capabilities.
  public mutating func capabilities(
    _ names: [String],
    in sets: [String] = ["bounding", "effective", "permitted", "inheritable", "ambient"]
  ) {
    for set in sets { self["process.capabilities.\(set)"] = names }
  }

  public mutating func append(_ path: String, _ element: Any) {
    self[path] = (self[path] as? [Any] ?? []) + [element]
  }

  public var data: Data {
    // Slashes unescaped: people read these files when a test fails.
    try! JSONSerialization.data(
      withJSONObject: json, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
  }

  /// Equal in meaning to what `runc spec` writes, without a terminal.
  public static var standard: Config {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    func mount(_ destination: String, _ type: String, _ source: String, _ options: [String])
      -> [String: Any]
    {
      var mount: [String: Any] = ["destination": destination, "type": type, "source": source]
      if !options.isEmpty { mount["options"] = options }
      return mount
    }
    return Config([
      "ociVersion": "1.0.2",
      "process": [
        "terminal": false, "user": ["uid": 0, "gid": 0], "args": ["/bin/true"],
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": [
          "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
        ],
        "rlimits": [["type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024]],
        "noNewPrivileges": true,
      ] as [String: Any],
      "root": ["path": "rootfs", "readonly": true] as [String: Any],
      "hostname": "tester",
      "mounts": [
        mount("/proc", "proc", "proc", []),
        mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
          "/dev/pts", "devpts", "devpts",
          ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        mount(
          "/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
        mount(
          "/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
      ],
      "linux": [
        "resources": ["devices": [["allow": false, "access": "rwm"] as [String: Any]]],
        "namespaces": [
          ["type": "pid"], ["type": "network"], ["type": "ipc"], ["type": "uts"],
          ["type": "mount"],
        ],
        "maskedPaths": [
          "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
          "/proc/scsi",
        ],
        "readonlyPaths": [
          "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
        ],
      ] as [String: Any],
    ])
  }
}
