/// The registers with which a vCPU begins, as a loader decides them.
public struct ProcessorState: Sendable, Equatable {
  /// A segment register's visible and hidden part (Intel SDM 3, 3.4.5).
  public struct Segment: Sendable, Equatable {
    public var selector: UInt16
    public var base: UInt64
    public var limit: UInt32
    /// Type, S, DPL, P in bits 0 to 7; AVL, L, D/B, G in bits 12 to 15.
    public var attributes: UInt16

    public init(selector: UInt16, base: UInt64 = 0, limit: UInt32 = 0xffff_ffff, attributes: UInt16)
    {
      self.selector = selector
      self.base = base
      self.limit = limit
      self.attributes = attributes
    }
  }

  public var rip: UInt64 = 0
  public var rsp: UInt64 = 0
  public var rbx: UInt64 = 0
  public var rsi: UInt64 = 0
  public var rflags: UInt64 = 2
  public var cr0: UInt64 = 0
  public var cr3: UInt64 = 0
  public var cr4: UInt64 = 0
  public var efer: UInt64 = 0
  public var gdtBase: UInt64 = 0
  public var gdtLimit: UInt16 = 0
  public var code = Segment(selector: 0, attributes: 0)
  public var data = Segment(selector: 0, attributes: 0)
  public var task = Segment(selector: 0, attributes: 0)

  public init() {}
}
