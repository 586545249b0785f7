public import Linux
public import OCISpec

extension Arguments {
  /// The process of `exec`: that of the file of `--process`, whose bytes are `file`, or the
  /// container's own process as changed by the options.
  public func execProcess(
    of container: Spec.Process, file: [UInt8]?
  ) throws(RuntimeError) -> Spec.Process {
    guard let file else { return try changed(container) }
    guard operands.count == 1 else {
      throw RuntimeError(
        "exec: --process and a command exclude each other", advice: "leave out one of them")
    }
    do {
      var process = try Spec.Process(parsing: file, file: self[.process] ?? "process.json")
      if isGiven(.tty) { process.terminal = has(.tty) }
      return process
    } catch { throw RuntimeError(error.description) }
  }

  private func changed(_ container: Spec.Process) throws(RuntimeError) -> Spec.Process {
    guard operands.count > 1 else {
      throw RuntimeError(
        "exec: COMMAND is missing", advice: "give a command behind the id, or --process FILE")
    }
    var process = container
    process.args = Array(operands.dropFirst())
    process.commandLine = nil
    process.terminal = has(.tty)
    process.consoleSize = nil
    if let cwd = self[.cwd] { process.cwd = cwd }
    if let profile = self[.apparmor] { process.apparmorProfile = profile }
    if let label = self[.processLabel] { process.selinuxLabel = label }
    if isGiven(.noNewPrivileges) { process.noNewPrivileges = has(.noNewPrivileges) }
    EnvironmentVariables.set(try environment(), in: &process.env)
    if let user = try parsed(.user, as: "UID or UID:GID, by number", { UserSpecification($0) }) {
      process.user.uid = user.uid
      if let gid = user.gid { process.user.gid = gid }
    }
    for text in all(.additionalGIDs) {
      guard let gid = UserSpecification.id(text) else {
        throw invalid(.additionalGIDs, text, "a group by number")
      }
      process.user.additionalGids.append(gid)
    }
    for name in all(.cap) { process.add(capability: name) }
    return process
  }

  /// The lines of `--env`, each with a name and a `=`.
  func environment() throws(RuntimeError) -> [String] {
    let lines = all(.env)
    for line in lines where !EnvironmentVariables.isValid(line) {
      throw invalid(.env, line, "NAME=VALUE")
    }
    return lines
  }
}

extension Spec.Process {
  /// Adds to the sets that a process needs to use a capability.
  ///
  /// The inheritable and ambient sets stay as they are: what execve hands on is for the
  /// configuration to say (CVE-2022-29162).
  fileprivate mutating func add(capability: String) {
    // crun takes the name without its prefix, too.
    let upper = capability.uppercased()
    let name = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
    var sets = capabilities ?? Capabilities()
    Self.insert(name, into: &sets.bounding)
    Self.insert(name, into: &sets.effective)
    Self.insert(name, into: &sets.permitted)
    capabilities = sets
  }

  private static func insert(_ name: String, into set: inout [String]?) {
    if set?.contains(name) == true { return }
    set = (set ?? []) + [name]
  }
}
