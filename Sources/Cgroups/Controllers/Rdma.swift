internal import Linux
internal import OCISpec

extension [String: Spec.Linux.Resources.Rdma] {
  /// What the rdma controller is told, on both versions.
  func rdmaSettings() throws(RuntimeError) -> [Setting] {
    var result: [Setting] = []
    for (device, limits) in sorted(by: { $0.key < $1.key }) {
      guard !device.isEmpty, device.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
        throw RuntimeError(
          "linux.resources.rdma: the name of a device is empty or has a space",
          advice: "see /sys/class/infiniband")
      }
      var value = device
      if let handles = limits.hcaHandles { value += " hca_handle=\(handles)" }
      if let objects = limits.hcaObjects { value += " hca_object=\(objects)" }
      if value == device { continue }
      result.append(Setting("rdma[\"\(device)\"]", value, "rdma.max"))
    }
    return result
  }
}
