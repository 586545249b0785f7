internal import Cgroups
internal import Isolation
internal import JSON
internal import Linux

/// The statistics and events of a container's cgroup, which stays open.
final class CgroupMonitor: ContainerMonitor {
  private let cgroup: Cgroup
  private let id: String
  private var monitor: OOMMonitor?

  init(_ cgroup: consuming Cgroup, id: String) {
    self.cgroup = cgroup
    self.id = id
  }

  func statistics() throws(RuntimeError) -> [UInt8]? {
    var json = JSONWriter()
    try cgroup.statistics().write(id: id, to: &json)
    return json.bytes
  }

  func watchOutOfMemory() throws(RuntimeError) { monitor = try OOMMonitor(cgroup) }

  var descriptor: CInt {
    switch monitor {
    case .some(let monitor): monitor.descriptor.rawValue
    case .none: -1
    }
  }

  var events: Int16 {
    switch monitor {
    case .some(let monitor): monitor.events
    case .none: 0
    }
  }

  func next() throws(RuntimeError) -> OutOfMemoryReport? {
    switch try monitor?.next() {
    case .oom: .oom
    case .removed: .removed
    case nil: nil
    }
  }
}
