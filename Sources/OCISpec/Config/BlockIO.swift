public import JSON

extension Spec.Linux.Resources {
  /// The blkio or io controller.
  public struct BlockIO: Sendable, Equatable {
    /// The weight against other cgroups, from 10 to 1000.
    public var weight: UInt16?
    /// The weight of the tasks against child cgroups, from 10 to 1000.
    public var leafWeight: UInt16?
    /// The weights on single devices.
    public var weightDevice: [WeightDevice]
    /// The limits of reading, in bytes a second.
    public var throttleReadBpsDevice: [ThrottleDevice]
    /// The limits of writing, in bytes a second.
    public var throttleWriteBpsDevice: [ThrottleDevice]
    /// The limits of reading, in operations a second.
    public var throttleReadIOPSDevice: [ThrottleDevice]
    /// The limits of writing, in operations a second.
    public var throttleWriteIOPSDevice: [ThrottleDevice]

    public init(
      weight: UInt16? = nil, leafWeight: UInt16? = nil, weightDevice: [WeightDevice] = [],
      throttleReadBpsDevice: [ThrottleDevice] = [], throttleWriteBpsDevice: [ThrottleDevice] = [],
      throttleReadIOPSDevice: [ThrottleDevice] = [], throttleWriteIOPSDevice: [ThrottleDevice] = []
    ) {
      self.weight = weight
      self.leafWeight = leafWeight
      self.weightDevice = weightDevice
      self.throttleReadBpsDevice = throttleReadBpsDevice
      self.throttleWriteBpsDevice = throttleWriteBpsDevice
      self.throttleReadIOPSDevice = throttleReadIOPSDevice
      self.throttleWriteIOPSDevice = throttleWriteIOPSDevice
    }
  }
}

extension Spec.Linux.Resources.BlockIO: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    self.init()
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "weight": try json.read(&weight)
      case "leafWeight": try json.read(&leafWeight)
      case "weightDevice": try json.read(&weightDevice)
      case "throttleReadBpsDevice": try json.read(&throttleReadBpsDevice)
      case "throttleWriteBpsDevice": try json.read(&throttleWriteBpsDevice)
      case "throttleReadIOPSDevice": try json.read(&throttleReadIOPSDevice)
      case "throttleWriteIOPSDevice": try json.read(&throttleWriteIOPSDevice)
      default: try json.skip()
      }
    }
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("weight", weight)
    json.member("leafWeight", leafWeight)
    json.member("weightDevice", weightDevice, omitting: [])
    json.member("throttleReadBpsDevice", throttleReadBpsDevice, omitting: [])
    json.member("throttleWriteBpsDevice", throttleWriteBpsDevice, omitting: [])
    json.member("throttleReadIOPSDevice", throttleReadIOPSDevice, omitting: [])
    json.member("throttleWriteIOPSDevice", throttleWriteIOPSDevice, omitting: [])
    json.endObject()
  }
}

extension Spec.Linux.Resources.BlockIO {
  /// The weights on one device.
  public struct WeightDevice: Sendable, Equatable {
    /// The major number of the device.
    public var major: Int64
    /// The minor number of the device.
    public var minor: Int64
    /// The weight, from 10 to 1000.
    public var weight: UInt16?
    /// The weight of the tasks against child cgroups, from 10 to 1000.
    public var leafWeight: UInt16?

    public init(major: Int64, minor: Int64, weight: UInt16? = nil, leafWeight: UInt16? = nil) {
      self.major = major
      self.minor = minor
      self.weight = weight
      self.leafWeight = leafWeight
    }
  }
}

extension Spec.Linux.Resources.BlockIO.WeightDevice: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var major: Int64?
    var minor: Int64?
    var weight: UInt16?
    var leafWeight: UInt16?
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "major": try json.read(&major)
      case "minor": try json.read(&minor)
      case "weight": try json.read(&weight)
      case "leafWeight": try json.read(&leafWeight)
      default: try json.skip()
      }
    }
    self.init(
      major: try json.require(major, "major", in: object),
      minor: try json.require(minor, "minor", in: object),
      weight: weight,
      leafWeight: leafWeight)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("major", major)
    json.member("minor", minor)
    json.member("weight", weight)
    json.member("leafWeight", leafWeight)
    json.endObject()
  }
}

extension Spec.Linux.Resources.BlockIO {
  /// The limit on one device.
  public struct ThrottleDevice: Sendable, Equatable {
    /// The major number of the device.
    public var major: Int64
    /// The minor number of the device.
    public var minor: Int64
    /// The limit, in bytes or operations a second.
    public var rate: UInt64

    public init(major: Int64, minor: Int64, rate: UInt64 = 0) {
      self.major = major
      self.minor = minor
      self.rate = rate
    }
  }
}

extension Spec.Linux.Resources.BlockIO.ThrottleDevice: JSONValue {
  public init(_ json: inout JSONReader) throws(JSONError) {
    var major: Int64?
    var minor: Int64?
    var rate: UInt64 = 0
    let object = try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "major": try json.read(&major)
      case "minor": try json.read(&minor)
      case "rate": try json.read(&rate)
      default: try json.skip()
      }
    }
    self.init(
      major: try json.require(major, "major", in: object),
      minor: try json.require(minor, "minor", in: object),
      rate: rate)
  }

  public func write(to json: inout JSONWriter) {
    json.beginObject()
    json.member("major", major)
    json.member("minor", minor)
    json.member("rate", rate)
    json.endObject()
  }
}
