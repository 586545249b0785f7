internal import CLinux
internal import KVM
internal import Linux
internal import Virtio

/// Finds the processor that tries in vain to use memory behind the end of a file in the DAX window:
/// KVM lets it try for ever (`FaultStatistics`). A look a second, for machines with a window alone.
final class FaultWatch: @unchecked Sendable {
  private struct Processor {
    let statistics: FaultStatistics
    var unresolved: UInt64 = 0
    /// How many looks in a row have found it so.
    var suspicions = 0
  }

  private let timer: FileDescriptor
  /// Of the event loop's thread.
  private var processors: [Processor] = []
  private let end: @Sendable () -> Void

  private static let interval: Int64 = 1_000_000_000
  /// In a second; what waits for a disk is resolved some time, and does not add up.
  private static let suspicious: UInt64 = 16
  private static let certain = 3

  /// `end` is called when a processor is found.
  init(_ vcpus: [VCPU], end: @escaping @Sendable () -> Void) throws(SystemError) {
    self.end = end
    timer = FileDescriptor(owning: try system("timerfd_create") { cl_timerfd() })
    for vcpu in vcpus { processors.append(Processor(statistics: try FaultStatistics(vcpu))) }
  }

  /// Begins to look, on the loop's thread; before that runs.
  func start(on loop: EventLoop) throws(SystemError) {
    try loop.add(eventfd: timer.rawValue) { [self] in look() }
    arm()
  }

  private func arm() { _ = cl_timerfd_arm(timer.rawValue, Self.interval) }

  private func look() {
    for index in processors.indices {
      guard let unresolved = processors[index].statistics.unresolved() else { continue }
      let before = processors[index].unresolved
      processors[index].unresolved = unresolved
      let isSuspicious = unresolved >= before && unresolved - before >= Self.suspicious
      processors[index].suspicions = isSuspicious ? processors[index].suspicions + 1 : 0
      if processors[index].suspicions == Self.certain { return end() }
    }
    arm()
  }
}
