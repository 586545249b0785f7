import Foundation
import Testing

@testable import Linux

@Suite struct EnvironmentTests {
  @Test func theWordsAreThoseOfTheProgram() {
    #expect(Environment.words == CommandLine.arguments)
  }

  @Test func variablesAreFoundByTheirWholeName() {
    setenv("SWRUN_TEST_VARIABLE", "a=b", 1)
    defer { unsetenv("SWRUN_TEST_VARIABLE") }
    #expect(Environment.value("SWRUN_TEST_VARIABLE") == "a=b")
    #expect(Environment.value("SWRUN_TEST_VARIABL") == nil)
    #expect(Environment.variables.contains("SWRUN_TEST_VARIABLE=a=b"))
  }
}
