/// What the kernel counts for a container, in the terms of `runc events --stats`.
///
/// Times are nanoseconds, sizes bytes. What a hierarchy does not count is empty or 0.
public struct Statistics: Sendable, Equatable {
  public var cpu = CPU()
  public var cpuset = Cpuset()
  public var memory = Memory()
  public var pids = Pids()
  public var blockIO = BlockIO()
  /// By size of page, such as `2MB`.
  public var hugetlb: [String: HugeTLB] = [:]

  public init() {}
}

extension Statistics {
  /// The cpu and cpuacct controllers.
  public struct CPU: Sendable, Equatable {
    public var total: UInt64 = 0
    public var kernel: UInt64 = 0
    public var user: UInt64 = 0
    /// By CPU; v1 alone counts so.
    public var perCPU: [UInt64] = []
    public var perCPUKernel: [UInt64] = []
    public var perCPUUser: [UInt64] = []
    public var periods: UInt64 = 0
    public var throttledPeriods: UInt64 = 0
    public var throttledTime: UInt64 = 0
    public var pressure: Pressure?
  }

  /// The values of a v1 cpuset.
  public struct Cpuset: Sendable, Equatable {
    public var cpus: [UInt16] = []
    public var mems: [UInt16] = []
    public var cpuExclusive: UInt64 = 0
    public var memHardwall: UInt64 = 0
    public var memExclusive: UInt64 = 0
    public var memoryMigrate: UInt64 = 0
    public var memorySpreadPage: UInt64 = 0
    public var memorySpreadSlab: UInt64 = 0
    public var memoryPressure: UInt64 = 0
    public var schedLoadBalance: UInt64 = 0
    public var schedRelaxDomainLevel: Int64 = 0
  }

  /// The memory controller.
  public struct Memory: Sendable, Equatable {
    public var cache: UInt64 = 0
    public var usage = Entry()
    /// Memory and swap together, also on v2.
    public var swap = Entry()
    public var kernel = Entry()
    public var kernelTCP = Entry()
    /// memory.stat as it is.
    public var raw: [String: UInt64] = [:]
    public var pressure: Pressure?

    /// A usage and its limit; no limit is what the kernel says for it.
    public struct Entry: Sendable, Equatable {
      public var limit: UInt64 = 0
      public var usage: UInt64 = 0
      public var max: UInt64 = 0
      public var failcnt: UInt64 = 0
    }
  }

  /// The pids controller.
  public struct Pids: Sendable, Equatable {
    public var current: UInt64 = 0
    /// 0 is no limit.
    public var limit: UInt64 = 0
  }

  /// The blkio or io controller.
  public struct BlockIO: Sendable, Equatable {
    public var serviceBytes: [Entry] = []
    public var serviced: [Entry] = []
    public var queued: [Entry] = []
    public var serviceTime: [Entry] = []
    public var waitTime: [Entry] = []
    public var merged: [Entry] = []
    public var time: [Entry] = []
    public var sectors: [Entry] = []
    public var pressure: Pressure?

    /// One kind of operation on one device.
    public struct Entry: Sendable, Equatable {
      public var major: UInt64
      public var minor: UInt64
      /// Such as `Read`; nil where the kernel does not tell them apart.
      public var operation: String?
      public var value: UInt64
    }
  }

  /// The hugetlb controller, for one size of page.
  public struct HugeTLB: Sendable, Equatable {
    public var usage: UInt64 = 0
    public var max: UInt64 = 0
    public var failcnt: UInt64 = 0
  }

  /// How long processes waited for a resource (Documentation/accounting/psi.rst); v2 alone.
  public struct Pressure: Sendable, Equatable {
    public var some = Line()
    public var full = Line()

    public struct Line: Sendable, Equatable {
      /// Percent of the last 10, 60 and 300 seconds.
      public var avg10 = 0.0
      public var avg60 = 0.0
      public var avg300 = 0.0
      /// Microseconds.
      public var total: UInt64 = 0
    }
  }
}
