// The rows of the verbs that make, start and end containers.
extension Table {
  /// What create and run share.
  private static let bundleOptions: [Option] = [
    Option(.bundle, "b", .directory, "the bundle (default: the working directory)"),
    Option(.config, "f", .file("FILE"), "the configuration (default: config.json in the bundle)"),
    Option(
      .consoleSocket, nil, .file("SOCKET"), "unix socket that receives the terminal's master side"),
    Option(.pidFile, nil, .file("FILE"), "file for the process id of the container's init"),
    Option(.pidfdSocket, nil, .file("SOCKET"), "unix socket that receives a pidfd of init"),
    Option(.noPivot, "enter the rootfs without pivot_root, for a rootfs on a ramdisk"),
    Option(.noNewKeyring, "keep the caller's session keyring"),
    Option(.noSubreaper, "do not reap processes that lose their parent"),
    Option(
      .preserveFDs, nil, .text("N"), "pass N descriptors from 3 on, besides those of LISTEN_FDS"),
  ]

  static var create: VerbDescription {
    VerbDescription(
      .create, "create a container from a bundle", operands: "ID", count: 1...1,
      details: """
        Sets up the container ID as the bundle's config.json says and leaves its process waiting \
        for 'swrun start ID'. The id must be unique within the state directory.
        """,
      options: bundleOptions)
  }

  static var start: VerbDescription {
    VerbDescription(
      .start, "start the process of a created container", operands: "ID", count: 1...1,
      details: "Lets the waiting process of the created container ID execute its program.")
  }

  static var run: VerbDescription {
    VerbDescription(
      .run, "create a container, start it and wait for its end",
      operands: "ID [-- COMMAND [ARGUMENT...]]", count: 1...Int.max, optionsEnd: .atCommandOfRootfs,
      details: """
        Creates and starts the container ID, forwards signals and the terminal to it, deletes it \
        when its process has ended, and ends with the process's exit code, or with 128 plus the \
        number of the signal that ended it. With --rootfs no bundle is needed: the default \
        configuration is changed as the options say and runs COMMAND.
        """,
      options: bundleOptions + [
        Option(.detach, "d", "return when the process has started"),
        Option(.keep, "do not delete the container when it has ended"),
        Option(.trace, "print a timing line a step"),
        Option(.rootfs, nil, .directory, "run from this root filesystem, without a bundle"),
        Option(.readOnly, "with --rootfs: the root filesystem is read-only"),
        Option(
          .volume, nil, .text("SRC:DST[:ro]"), repeatable: true,
          "with --rootfs: bind a file or directory of the host"),
        Option(
          .env, "e", .text("NAME=VALUE"), repeatable: true,
          "with --rootfs: set an environment variable"),
        Option(.memory, nil, .text("SIZE"), "with --rootfs: memory limit, such as 256m"),
        Option(.cpus, nil, .text("N"), "with --rootfs: processors' worth of time, such as 1.5"),
        Option(.pids, nil, .text("N"), "with --rootfs: limit of processes and threads"),
        Option(.tty, "t", "with --rootfs: give the process a terminal"),
      ])
  }

  static var exec: VerbDescription {
    VerbDescription(
      .exec, "run another process in a container", operands: "ID [COMMAND [ARGUMENT...]]",
      count: 1...Int.max, optionsEnd: .atFirstOperand,
      details: """
        Runs COMMAND in the running container ID, with the settings of the container's own process \
        where options do not say otherwise, or the process that --process describes. Options stand \
        before ID; what follows it belongs to COMMAND. The exit code is that of the process.
        """,
      options: [
        Option(.process, "p", .file("FILE"), "JSON file of the process to run"),
        Option(.cwd, nil, .text("DIR"), "working directory in the container"),
        Option(.env, "e", .text("NAME=VALUE"), repeatable: true, "set an environment variable"),
        Option(.tty, "t", "give the process a terminal"),
        Option(.user, "u", .text("UID[:GID]"), "user and group, by number"),
        Option(
          .additionalGIDs, "g", .text("GID"), repeatable: true, "additional group, by number"),
        Option(.detach, "d", "return when the process has started"),
        Option(
          .consoleSocket, nil, .file("SOCKET"),
          "unix socket that receives the terminal's master side"),
        Option(.pidFile, nil, .file("FILE"), "file for the process id"),
        Option(.pidfdSocket, nil, .file("SOCKET"), "unix socket that receives a pidfd"),
        Option(.processLabel, nil, .text("LABEL"), "SELinux label of the process"),
        Option(.apparmor, nil, .text("PROFILE"), "AppArmor profile of the process"),
        Option(.noNewPrivileges, "the process can gain no privileges"),
        Option(
          .cap, "c", .text("CAPABILITY"), repeatable: true, "add a capability, such as CAP_KILL"),
        Option(
          .preserveFDs, nil, .text("N"),
          "pass N descriptors from 3 on, besides those of LISTEN_FDS"),
        Option(
          .cgroup, nil, .text("[CONTROLLER:]PATH"), repeatable: true,
          "run in an existing cgroup below the container's"),
        Option(.ignorePaused, "allow it in a paused container, where the process waits"),
        Option(.noSubreaper, "do not reap processes that lose their parent"),
      ])
  }

  static var kill: VerbDescription {
    VerbDescription(
      .kill, "send a signal to a container's init process", operands: "ID [SIGNAL]", count: 1...2,
      details: """
        Sends SIGNAL (default: SIGTERM) to the first process of the container ID. A signal is a \
        number or a name with or without SIG: 9, KILL, SIGKILL, RTMIN+3.
        """,
      options: [
        Option(.all, "a", "send it to every process of the container"),
        Option(.regex, "r", "ID is a regular expression; signal every container that matches"),
      ])
  }

  static var delete: VerbDescription {
    VerbDescription(
      .delete, "remove what a stopped container left", operands: "ID", count: 1...1,
      details: """
        Removes the cgroups and the state of the container ID and runs its poststop hooks. With \
        --force a running container is killed first, and one that does not exist is no error.
        """,
      options: [
        Option(.force, "f", "kill the container when it still runs"),
        Option(.regex, "r", "ID is a regular expression; delete every container that matches"),
      ])
  }
}
