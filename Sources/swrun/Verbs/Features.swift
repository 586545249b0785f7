internal import CommandLineInterface
internal import Containers
internal import Linux
internal import OCISpec

extension Swrun {
  /// `features`: what this runtime supports, as features.md has it.
  static func features() throws(RuntimeError) {
    let features = Features(
      ociVersionMin: "1.0.0", ociVersionMax: Version.specification,
      hooks: [
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
      ],
      mountOptions: ContainerBackend.mountOptions, linux: ContainerBackend.linuxFeatures,
      annotations: [
        "dev.swrun.version": Version.program,
        "dev.swrun.isolation": "container",
      ],
      potentiallyUnsafeConfigAnnotations: ["dev.swrun.isolation"])
    try Output.write(features.encoded(indent: "    ") + [UInt8(ascii: "\n")])
  }
}
