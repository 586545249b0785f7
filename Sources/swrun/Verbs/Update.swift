internal import CommandLineInterface
internal import Isolation
internal import Linux

extension Swrun {
  /// `update ID`: other limits for a container.
  static func update(_ arguments: Arguments) throws(RuntimeError) {
    for name in [OptionName.l3CacheSchema, .memoryBandwidthSchema] where arguments.isGiven(name) {
      throw RuntimeError("update: --\(name.rawValue): swrun does not change Intel RDT")
    }
    let file: [UInt8]? =
      if let path = arguments[.resources] { try contents(of: path, option: .resources) } else {
        nil
      }
    try lifecycle(arguments).update(
      containerID(arguments), arguments.updatedResources(file: file))
  }
}
