internal import OCISpec

extension Spec.Linux.Resources.Pids {
  /// What the pids controller is told, on both versions; 0 asks for nothing, as with runc.
  func settings() -> [Setting] {
    guard let limit, limit != 0 else { return [] }
    return [Setting("pids.limit", limit, "pids.max", limit > 0 ? "\(limit)" : "max")]
  }
}
