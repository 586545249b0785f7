// The rows of the verbs that look at containers, change them, or write files.
extension Table {
  private static let format = Option(
    .format, "f", .word(["table", "json"]), "format of the output (default: table)")

  static var state: VerbDescription {
    VerbDescription(
      .state, "print the state of a container", operands: "ID", count: 1...1,
      details: "Prints the state of the container ID as the JSON object of the OCI specification.")
  }

  static var list: VerbDescription {
    VerbDescription(
      .list, "list containers", operands: "", count: 0...0,
      details: "Lists the containers whose state is below --root.",
      options: [format, Option(.quiet, "q", "print ids alone")])
  }

  static var ps: VerbDescription {
    VerbDescription(
      .ps, "list the processes of a container", operands: "ID [PS-ARGUMENT...]",
      count: 1...Int.max, optionsEnd: .atFirstOperand,
      details: """
        Lists the processes of the container ID with the host's process ids. Arguments behind ID \
        are given to ps(1), whose lines of other processes are left out.
        """,
      options: [format])
  }

  static var pause: VerbDescription {
    VerbDescription(
      .pause, "suspend every process of a container", operands: "ID", count: 1...1,
      details: "Freezes the container's cgroup until 'swrun resume ID'.")
  }

  static var resume: VerbDescription {
    VerbDescription(
      .resume, "let a paused container go on", operands: "ID", count: 1...1,
      details: "Thaws the container's cgroup.")
  }

  static var update: VerbDescription {
    VerbDescription(
      .update, "change the resource limits of a container", operands: "ID", count: 1...1,
      details: """
        Changes the limits that are named and keeps the others. With --resources they come as the \
        JSON object 'linux.resources' of the OCI configuration, and other options are ignored.
        """,
      options: [
        Option(.resources, "r", .file("FILE"), "JSON file of the limits; - is standard input"),
        Option(.blockIOWeight, nil, .text("N"), "weight of block I/O, 10 to 1000"),
        Option(.cpuPeriod, nil, .text("MICROSECONDS"), "CFS period; 0 is the system's default"),
        Option(.cpuQuota, nil, .text("MICROSECONDS"), "CFS time within a period"),
        Option(.cpuBurst, nil, .text("MICROSECONDS"), "CFS time that may be saved up"),
        Option(.cpuShare, nil, .text("N"), "weight of processor time"),
        Option(.cpuRealtimePeriod, nil, .text("MICROSECONDS"), "realtime period"),
        Option(.cpuRealtimeRuntime, nil, .text("MICROSECONDS"), "realtime time within a period"),
        Option(.cpuIdle, nil, .text("N"), "1 runs the container only when a processor is idle"),
        Option(.cpusetCPUs, nil, .text("LIST"), "processors to use, such as 0-3,7"),
        Option(.cpusetMems, nil, .text("LIST"), "memory nodes to use"),
        Option(.cpus, nil, .text("N"), "processors' worth of time, such as 1.5"),
        Option(.memory, nil, .text("SIZE"), "memory limit, such as 256m; -1 is none"),
        Option(.memoryReservation, nil, .text("SIZE"), "memory kept when memory is short"),
        Option(.memorySwap, nil, .text("SIZE"), "memory and swap together; -1 is no limit"),
        Option(
          .kernelMemory, nil, .text("SIZE"), "accepted; kernels since 5.11 have no such limit"),
        Option(
          .kernelMemoryTCP, nil, .text("SIZE"), "memory of TCP buffers, on cgroup v1 alone"),
        Option(.pidsLimit, nil, .text("N"), "limit of processes and threads; -1 is none"),
        Option(.l3CacheSchema, nil, .text("SCHEMA"), "Intel RDT cache schema"),
        Option(.memoryBandwidthSchema, nil, .text("SCHEMA"), "Intel RDT memory bandwidth schema"),
      ])
  }

  static var events: VerbDescription {
    VerbDescription(
      .events, "print statistics and out-of-memory events of a container", operands: "ID",
      count: 1...1,
      details: "Prints one JSON object a line until the container ends.",
      options: [
        Option(.interval, nil, .text("DURATION"), "time between statistics (default: 5s)"),
        Option(.stats, "print the statistics once and end"),
      ])
  }

  static var spec: VerbDescription {
    VerbDescription(
      .spec, "write a default config.json", operands: "", count: 0...0,
      details: "Writes a configuration to start from; a file that exists is kept.",
      options: [
        Option(.bundle, "b", .directory, "directory to write to (default: the working directory)"),
        Option(.file, "f", .file("FILE"), "file to write (default: config.json in the bundle)"),
        Option(.rootless, "for a container of a user without privileges"),
      ])
  }

  static var features: VerbDescription {
    VerbDescription(
      .features, "print what this runtime supports", operands: "", count: 0...0,
      details: "Prints the features object of the OCI specification.")
  }

  static var completion: VerbDescription {
    VerbDescription(
      .completion, "print a shell's completion script", operands: "bash|zsh|fish", count: 1...1,
      details: "Prints the script that makes the shell complete verbs, options and ids.")
  }

  static var man: VerbDescription {
    VerbDescription(
      .man, "print the manual page", operands: "", count: 0...0,
      details: "Prints swrun(8) in roff, for 'man -l'.")
  }

  static var help: VerbDescription {
    VerbDescription(
      .help, "print help", operands: "[VERB]", count: 0...1,
      details: "Prints the list of verbs, or the options of one.")
  }
}
