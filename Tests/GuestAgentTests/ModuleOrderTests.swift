import Testing

@testable import GuestAgent

@Suite struct ModuleOrderTests {
  private func order(_ text: String) throws(ModuleOrder.Fault) -> [ModuleOrder.Module] {
    try ModuleOrder(Array(text.utf8)).modules
  }

  @Test func oneModuleALine() throws {
    let modules = try order("000-virtio.ko\n001-fuse.ko.xz\n")
    #expect(modules.map(\.file) == ["000-virtio.ko", "001-fuse.ko.xz"])
    #expect(modules.map(\.isCompressed) == [false, true])
    #expect(modules.allSatisfy { $0.parameters.isEmpty })
  }

  @Test func parametersFollowTheFirstSpace() throws {
    let modules = try order("a.ko one=1 two=2\nb.ko ")
    #expect(modules.map(\.parameters) == ["one=1 two=2", ""])
  }

  @Test func emptyLinesAreNothing() throws { #expect(try order("\n\n") == []) }

  @Test(arguments: ["../init", "/init", ".", "..", " x=1"])
  func whatIsNoFileIsAFault(line: String) {
    #expect(throws: ModuleOrder.Fault.self) { try order("a.ko\n\(line)\n") }
  }

  @Test func theFaultNamesTheLine() {
    do {
      _ = try order("a.ko\n\n../b.ko\n")
      Issue.record("a module outside of its directory is accepted")
    } catch { #expect(error == ModuleOrder.Fault(line: 3, name: "../b.ko")) }
  }
}
