import Isolation
import Linux
import Testing

@Suite struct LaunchChannelTests {
  @Test func whatAProcessSaidLastIsReadThoughItLeftAMessageUnread() throws {
    let pair = try SocketPair()
    let runtime = LaunchChannel(socket: pair.first)
    let process = LaunchChannel(socket: pair.second)
    try runtime.proceed()
    try process.send(.failed(RuntimeError("mounts[0]: no", advice: "do", exitCode: 7)))
    process.socket.close()
    guard case .failed(let error)? = try runtime.receive() else {
      Issue.record("the report is lost")
      return
    }
    #expect(error == RuntimeError("mounts[0]: no", advice: "do", exitCode: 7))
    if case .some = try runtime.receive() { Issue.record("something comes behind the end") }
  }
}
