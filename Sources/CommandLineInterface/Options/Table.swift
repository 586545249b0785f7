/// The one table: every verb and its options.
///
/// A verb's row is made when it is asked for, so that a start parses with two rows, not twenty.
public enum Table {
  /// Options before the verb; where a verb has none of the name, they may also stand behind it.
  public static let global: [Option] = [
    Option(.root, nil, .directory, "directory for the state of containers"),
    Option(.log, nil, .file("FILE"), "file that errors are also written to"),
    Option(.logFormat, nil, .word(["text", "json"]), "format of log lines"),
    Option(.debug, "print what is done, with a timing line a step"),
    Option(
      .cgroupManager, nil, .word(["cgroupfs", "systemd", "disabled"]),
      "who makes the cgroups (default: cgroupfs)"),
    Option(.systemdCgroup, "the same as --cgroup-manager=systemd"),
    Option(
      .rootless, nil, .word(["true", "false", "auto"]),
      "go on when cgroups may not be written (default: auto)"),
    // Engines pass these before every verb; create and run are who asks for them.
    Option(.container, "isolate with namespaces"),
    Option(.vm, "isolate with a virtual machine"),
    Option(.isolation, nil, .word(["container", "vm"]), "the same by name"),
    Option(.engine, nil, .word(["kvm", "qemu"]), "what runs a VM (default: kvm, else qemu)"),
    Option(.kernel, nil, .file("FILE"), "a VM's kernel, a bzImage or an ELF file"),
    Option(
      .policy, nil, .file("FILE"), "rules of what isolates which container"),
    Option(.criu, nil, .file("PATH"), "accepted for runc's sake; there is no checkpoint"),
    Option(.version, "v", "print the version"),
    Option(.help, "h", "print this help"),
    Option(.usage, "print one line of help"),
  ]

  public static func description(of verb: Verb) -> VerbDescription {
    switch verb {
    case .create: create
    case .start: start
    case .run: run
    case .exec: exec
    case .state: state
    case .kill: kill
    case .delete: delete
    case .list: list
    case .ps: ps
    case .pause: pause
    case .resume: resume
    case .update: update
    case .events: events
    case .spec: spec
    case .features: features
    case .completion: completion
    case .man: man
    case .help: help
    }
  }
}
