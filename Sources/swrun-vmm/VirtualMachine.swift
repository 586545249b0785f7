internal import CLinux
internal import FileServer
internal import GuestProtocol
internal import Isolation
internal import JSON
internal import Linux
internal import MachinePlan
internal import Virtio

/// One virtual machine, from its plan to its end.
enum VirtualMachine {
  /// The exit code of the process; `planFile` is the descriptor of the plan.
  static func run(_ planFile: CInt) -> CInt {
    var creator: LaunchChannel?
    do throws(RuntimeError) {
      let plan: MachinePlan = try decode(planFile, "the plan")
      let channel = LaunchChannel(
        socket: SharedDescriptor(FileDescriptor(owning: plan.channel)))
      creator = channel
      return try run(plan, channel)
    } catch {
      // Told to whoever waits for the container; where nobody does any more, to its own error
      // stream, which an engine keeps as the container's log.
      if (try? creator?.send(.failed(error))) == nil { complain(error) }
      return error.exitCode
    }
  }

  private static func decode<Value: JSONValue>(
    _ file: CInt, _ name: String
  ) throws(RuntimeError) -> Value {
    let bytes = try step(name) { () throws(SystemError) in
      try FileDescriptor(owning: file).readAll(limit: 64 << 20, name)
    }
    do throws(JSONError) {
      var json = try JSONReader(bytes.span, maximumSize: 64 << 20)
      let value = try Value(&json)
      try json.finish()
      return value
    } catch {
      throw RuntimeError("\(name): \(error.reason)", advice: "install swrun as a whole")
    }
  }
}
