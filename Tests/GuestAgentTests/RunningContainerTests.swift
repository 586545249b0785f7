import CLinux
import GuestProtocol
import Linux
import Testing

@testable import GuestAgent
@testable import GuestSession

/// What the host asks of a container that runs.
@Suite(.root) struct RunningContainerTests {
  private func running(_ guest: TestGuest) throws -> TestProcess {
    let process = try TestProcess(guest)
    try process.create(guest.request("sleep 1000"))
    try process.start()
    return process
  }

  @Test func anotherProcessHasItsOwnSession() throws {
    let guest = try TestGuest()
    let first = try running(guest)
    let other = try TestProcess(guest)
    try other.session.exec(guest.execRequest(["/bin/sh", "-c", "echo here; exit 3"]))
    try other.start()
    #expect(try other.next() == .exited(code: 3))
    #expect(other.out == "here\n")
    #expect(ProcessStatus(pid: first.pid)?.isDead == false)
  }

  @Test func aCommandThatIsNotThereIsTheFailure() throws {
    let guest = try TestGuest()
    let first = try running(guest)
    let other = try TestProcess(guest)
    try other.session.exec(guest.execRequest(["nothing"]))
    guard case .failed(let error) = try other.next() else { return #expect(Bool(false)) }
    #expect(error.exitCode == 127)
    _ = first
  }

  @Test func itsProcessesAreListed() throws {
    let guest = try TestGuest()
    let first = try running(guest)
    guard case .processes(let list) = try guest.ask(.processes) else {
      return #expect(Bool(false))
    }
    #expect(list.contains { $0.pid == first.pid && $0.command.contains("sleep 1000") })
  }

  @Test func itsStatisticsAreThoseOfEvents() throws {
    let guest = try TestGuest()
    let first = try running(guest)
    guard case .statistics(let text) = try guest.ask(.statistics) else {
      return #expect(Bool(false))
    }
    #expect(text.hasPrefix("{\"type\":\"stats\",\"id\":\"c\""))
    _ = first
  }

  @Test func itsLimitsChange() throws {
    let guest = try TestGuest()
    let first = try running(guest)
    #expect(
      try guest.ask(.update(resources: "{\"pids\":{\"limit\":50}}")) == .done(warnings: []))
    #expect(throws: RuntimeError.self) { try guest.ask(.update(resources: "{\"pids\":7}")) }
    _ = first
  }

  @Test func aSignalForAllEndsIt() throws {
    let guest = try TestGuest()
    let first = try running(guest)
    #expect(try guest.ask(.signalAll(signal: SIGKILL)) == .done(warnings: []))
    #expect(try first.next() == .exited(code: 137))
  }
}
