extension Spec.Linux {
  /// The limits that a cgroup sets (config-linux.md, "Control groups").
  public struct Resources: Sendable, Equatable {
    /// The rules of the device controller, of which the last that matches decides.
    public var devices: [DeviceRule]
    /// The memory controller.
    public var memory: Memory?
    /// The cpu and cpuset controllers.
    public var cpu: CPU?
    /// The pids controller.
    public var pids: Pids?
    /// The blkio or io controller.
    public var blockIO: BlockIO?
    /// The hugetlb controller.
    public var hugepageLimits: [HugepageLimit]
    /// The net_cls and net_prio controllers.
    public var network: Network?
    /// The rdma controller, by device.
    public var rdma: [String: Rdma]
    /// The files of cgroup v2 and what is written to them.
    public var unified: [String: String]

    public init(
      devices: [DeviceRule] = [], memory: Memory? = nil, cpu: CPU? = nil, pids: Pids? = nil,
      blockIO: BlockIO? = nil, hugepageLimits: [HugepageLimit] = [], network: Network? = nil,
      rdma: [String: Rdma] = [:], unified: [String: String] = [:]
    ) {
      self.devices = devices
      self.memory = memory
      self.cpu = cpu
      self.pids = pids
      self.blockIO = blockIO
      self.hugepageLimits = hugepageLimits
      self.network = network
      self.rdma = rdma
      self.unified = unified
    }
  }
}

extension Spec.Linux.Resources {
  /// A rule of the device controller.
  public struct DeviceRule: Sendable, Equatable {
    /// True when the rule allows, false when it denies.
    public var allow: Bool
    /// The type of device; when absent, all.
    public var type: Kind?
    /// The major number; when absent, every one.
    public var major: Int64?
    /// The minor number; when absent, every one.
    public var minor: Int64?
    /// The kinds of access, of the letters `r`, `w` and `m` (mknod).
    public var access: String?

    public init(
      allow: Bool, type: Kind? = nil, major: Int64? = nil, minor: Int64? = nil,
      access: String? = nil
    ) {
      self.allow = allow
      self.type = type
      self.major = major
      self.minor = minor
      self.access = access
    }
  }
}

extension Spec.Linux.Resources.DeviceRule {
  /// A type of device in a rule.
  public enum Kind: String, Sendable, CaseIterable {
    case all = "a"
    case character = "c"
    case block = "b"
  }
}

extension Spec.Linux.Resources {
  /// The pids controller.
  public struct Pids: Sendable, Equatable {
    /// The greatest number of tasks; -1 is no limit.
    public var limit: Int64?

    public init(limit: Int64? = nil) {
      self.limit = limit
    }
  }
}

extension Spec.Linux.Resources {
  /// A limit of huge pages of one size.
  public struct HugepageLimit: Sendable, Equatable {
    /// The size of the page, such as `2MB`.
    public var pageSize: String
    /// The limit, in bytes.
    public var limit: UInt64

    public init(pageSize: String, limit: UInt64) {
      self.pageSize = pageSize
      self.limit = limit
    }
  }
}

extension Spec.Linux.Resources {
  /// The net_cls and net_prio controllers.
  public struct Network: Sendable, Equatable {
    /// The class identifier of the container's packets.
    public var classID: UInt32?
    /// The priorities of the container's traffic, by interface.
    public var priorities: [Priority]

    public init(classID: UInt32? = nil, priorities: [Priority] = []) {
      self.classID = classID
      self.priorities = priorities
    }
  }
}

extension Spec.Linux.Resources.Network {
  /// The priority of traffic on one interface.
  public struct Priority: Sendable, Equatable {
    /// The name of the interface.
    public var name: String
    /// The priority.
    public var priority: UInt32

    public init(name: String, priority: UInt32) {
      self.name = name
      self.priority = priority
    }
  }
}

extension Spec.Linux.Resources {
  /// The limits of one RDMA device.
  public struct Rdma: Sendable, Equatable {
    /// The greatest number of handles that are open.
    public var hcaHandles: UInt32?
    /// The greatest number of objects.
    public var hcaObjects: UInt32?

    public init(hcaHandles: UInt32? = nil, hcaObjects: UInt32? = nil) {
      self.hcaHandles = hcaHandles
      self.hcaObjects = hcaObjects
    }
  }
}
