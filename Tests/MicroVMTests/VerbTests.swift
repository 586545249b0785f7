import Linux
import OCISpec
import Testing

@testable import MicroVM

struct MachineUpdateTests {
  private let machine = MachineUpdate(["memory": "268435456", "processors": "2"])

  private func check(_ text: String) throws -> [String] {
    try machine.check(Spec.Linux.Resources(parsing: Array(text.utf8)))
  }

  @Test func aLimitAboveTheSizeOfTheMachineNamesBoth() {
    do {
      _ = try check(#"{"memory":{"limit":268435457}}"#)
      Issue.record("it was accepted")
    } catch {
      #expect("\(error)".contains("268435457"))
      #expect("\(error)".contains("268435456"))
    }
  }

  @Test(arguments: [
    #"{"memory":{"limit":268435456}}"#, #"{"memory":{"limit":-1}}"#, #"{"pids":{"limit":5}}"#,
    #"{"cpu":{"quota":200000,"period":100000}}"#, #"{"cpu":{"quota":-1}}"#, "{}",
  ])
  func whatFitsIsAccepted(text: String) throws { #expect(try check(text) == []) }

  @Test func moreTimeThanProcessorsIsAWarning() throws {
    #expect(try check(#"{"cpu":{"quota":200001,"period":100000}}"#).count == 1)
  }

  @Test func aRecordThatDoesNotKnowTheSizeChecksNothing() throws {
    let resources = try Spec.Linux.Resources(
      parsing: Array(#"{"memory":{"limit":1099511627776}}"#.utf8))
    #expect(try MachineUpdate([:]).check(resources) == [])
  }
}

struct MachineMonitorTests {
  @Test func statisticsAreOneObjectOnOneLine() throws {
    let text = #"{"type":"stats","data":{"a":[1,2.5]}}"#
    #expect(try MachineMonitor.checkedObject(text) == Array(text.utf8))
  }

  @Test(arguments: [
    "", "[]", "1", "{", "{}\n{}", "{\"a\":1}\n", "{\"a\":\u{7f}1}", "{\"a\":\"\u{1b}[2J\"}",
    "{} trailing", "{\"a\":\"\u{7f}\"}",
  ])
  func anythingElseIsAnError(text: String) {
    #expect(throws: RuntimeError.self) { try MachineMonitor.checkedObject(text) }
  }
}
