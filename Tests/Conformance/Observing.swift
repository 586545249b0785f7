import Foundation
import Harness
import Testing

/// What the probe sees in one config under `runtime`, whose options before the verb are `global`.
func observe(
  _ test: Case, _ box: Sandbox, _ runtime: [String], _ probe: String, root: String? = nil,
  global: [String] = [], timeout: Double = 60
) throws -> Observation {
  let container = try box.container {
    $0.args("/bin/probe", "0")
    try test.edit(&$0, box)
    if test.exec != nil { $0.args("/bin/sleep", "1000") }
  }
  try ExecutableFile.copy(probe, to: "\(container.rootfs)/bin/probe")
  if container.config["linux.uidMappings"] != nil {
    try host("chown", "-R", "100000:100000", container.rootfs).ok()
  }
  func spawn(_ arguments: [String], detached: Bool = false) throws -> Outcome {
    guard test.terminal, !detached else {
      return try box.spawn(
        global + arguments, runtime: runtime, input: .text(""),
        output: detached ? .file(container.outputPath) : .captured, root: root
      ).finish(timeout: timeout)
    }
    let terminal = try PseudoTerminal(rows: 40, columns: 120)
    let child = try box.spawn(
      global + arguments, runtime: runtime, input: .fd(terminal.slave), output: .fd(terminal.slave),
      error: .fd(terminal.slave), terminal: true, root: root)
    let text = terminal.read(until: "\nwritten = ")
    return Outcome(
      code: try child.finish(timeout: timeout).code, signal: nil, out: text + terminal.rest(),
      err: "")
  }
  defer {
    _ = try? box.spawn(["delete", "--force", container.id], runtime: runtime, root: root).finish(
      timeout: timeout)
  }
  let run = ["run", "--bundle", container.bundle] + test.options
  let result: Outcome
  if let options = test.exec {
    try spawn(run + ["--detach", container.id], detached: true).ok("run --detach")
    result = try spawn(["exec"] + options + [container.id, "/bin/probe", "0"])
  } else {
    result = try spawn(run + [container.id])
  }
  return Observation(
    result,
    names: [
      (container.bundle, "BUNDLE"), (box.directory, "BOX"), (container.id, "ID"),
      (box.tag, "TAG"),
    ])
}
