public import JSON
internal import Linux

/// The container that the agent is to make: the one of this virtual machine.
public struct CreateRequest: Sendable, Equatable {
  public var id = ""
  /// The OCI configuration as its JSON text, with paths of the guest.
  public var spec = ""
  /// The bundle's path on the host, for what a hook or the state tells.
  public var bundle = ""
  public var annotations: [String: String] = [:]
  public var noPivot = false
  public var noNewKeyring = false
  /// False: the process waits for `start`, which may take days.
  public var startsAtOnce = false
  public var terminalSize: WindowSize?
  /// The host's wall clock when the message was made, in nanoseconds since 1970.
  public var timeNanoseconds: Int64 = 0
  /// Bytes of the host's random generator for the guest's.
  public var entropy: [UInt8] = []
  /// Where the agent keeps compiled seccomp filters; nil keeps none.
  public var cacheDirectory: String?

  public init() {}
}

extension CreateRequest: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    var (id, spec): (String?, String?) = (nil, nil)
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "id": try json.read(&id)
      case "spec": try json.read(&spec)
      case "bundle": try json.read(&bundle)
      case "annotations": try json.read(&annotations)
      case "noPivot": try json.read(&noPivot)
      case "noNewKeyring": try json.read(&noNewKeyring)
      case "startsAtOnce": try json.read(&startsAtOnce)
      case "terminalSize": try json.read(&terminalSize)
      case "timeNanoseconds": try json.read(&timeNanoseconds)
      case "entropy": entropy = try Hexadecimal.read(&json)
      case "cacheDirectory": try json.read(&cacheDirectory)
      default: try json.skip()
      }
    }
    self.id = try json.require(id, "id", in: start)
    self.spec = try json.require(spec, "spec", in: start)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("id", id)
    json.member("spec", spec)
    json.member("bundle", bundle)
    json.member("annotations", annotations)
    json.member("noPivot", noPivot)
    json.member("noNewKeyring", noNewKeyring)
    json.member("startsAtOnce", startsAtOnce)
    json.member("terminalSize", terminalSize)
    if timeNanoseconds != 0 { json.member("timeNanoseconds", timeNanoseconds) }
    if !entropy.isEmpty { json.member("entropy", String(hexadecimal: entropy)) }
    json.member("cacheDirectory", cacheDirectory)
    json.endObject()
  }
}

extension CreateRequest {
  /// The payload of a `create`, from a request that was encoded without a time and without entropy.
  ///
  /// Who has it encoded need not know what else it says; nil for what is no object with members.
  public static func payload(
    _ encoded: [UInt8], timeNanoseconds: Int64, entropy: [UInt8]
  ) -> [UInt8]? {
    guard encoded.count > 2, encoded.first == UInt8(ascii: "{") else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(encoded.count + 2 * entropy.count + 80)
    bytes += "{\"timeNanoseconds\":".utf8
    bytes += String(decimal: Int(timeNanoseconds)).utf8
    bytes += ",\"entropy\":\"".utf8
    bytes += entropy.hexadecimalDigits
    bytes += "\",".utf8
    bytes += encoded[1...]
    return bytes
  }
}

/// The process that the agent is to add to its container.
public struct ExecRequest: Sendable, Equatable {
  /// The OCI process as its JSON text.
  public var process = ""
  public var terminalSize: WindowSize?
  public var noNewKeyring = false
  /// Cgroups below the container's own, as `exec --cgroup` takes them.
  public var cgroups: [String] = []
  public var ignorePaused = false

  public init() {}
}

extension ExecRequest: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    var process: String?
    let start = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "process": try json.read(&process)
      case "terminalSize": try json.read(&terminalSize)
      case "noNewKeyring": try json.read(&noNewKeyring)
      case "cgroups": try json.read(&cgroups)
      case "ignorePaused": try json.read(&ignorePaused)
      default: try json.skip()
      }
    }
    self.process = try json.require(process, "process", in: start)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("process", process)
    json.member("terminalSize", terminalSize)
    json.member("noNewKeyring", noNewKeyring)
    json.member("cgroups", cgroups)
    json.member("ignorePaused", ignorePaused)
    json.endObject()
  }
}

/// Bytes as pairs of hexadecimal digits.
enum Hexadecimal {
  static func read(_ json: inout JSONReader) throws(JSONError) -> [UInt8] {
    let offset = json.valueOffset()
    let digits = Array(try json.string().utf8)
    var bytes: [UInt8] = []
    guard digits.count % 2 == 0 else {
      throw json.invalid("has an odd number of digits", at: offset)
    }
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = value(digits[index]), let low = value(digits[index + 1]) else {
        throw json.invalid("is not hexadecimal", at: offset)
      }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
