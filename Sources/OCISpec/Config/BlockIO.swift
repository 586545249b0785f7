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
