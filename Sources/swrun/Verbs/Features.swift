internal import CommandLineInterface
internal import Containers
internal import Isolation
internal import Linux
internal import MicroVM
internal import OCISpec
internal import Seccomp

extension Swrun {
  /// `features`: what this runtime supports, as features.md has it.
  static func features(_ arguments: Arguments) throws(RuntimeError) {
    var linux = ContainerBackend.linuxFeatures
    linux.seccomp = Features.Linux.Seccomp(
      enabled: true, actions: SeccompFeatures.actions, operators: SeccompFeatures.operators,
      archs: SeccompFeatures.archs, knownFlags: SeccompFeatures.knownFlags,
      supportedFlags: SeccompFeatures.supportedFlags)
    var annotations = [
      "dev.swrun.version": Version.program,
      "dev.swrun.isolation": "container,vm",
      "io.github.seccomp.libseccomp.version": SeccompFeatures.libraryVersion,
    ]
    for (name, value) in EngineReport(stateRoot: lifecycle(arguments).store.root).annotations {
      annotations[name] = value
    }
    let features = Features(
      ociVersionMin: "1.0.0", ociVersionMax: Version.specification,
      hooks: [
        "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
      ],
      mountOptions: ContainerBackend.mountOptions, linux: linux,
      annotations: annotations,
      potentiallyUnsafeConfigAnnotations: ["dev.swrun."])
    try Output.write(features.encoded(indent: "    ") + [UInt8(ascii: "\n")])
  }
}
