import OCISpec

/// What is accepted must stay itself when it is written and read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  do {
    let spec = try Spec(parsing: bytes)
    let again = try? Spec(parsing: spec.encoded(indent: "\t"))
    precondition(again == spec, "not the same after writing and reading")
  } catch {
    precondition(error.description.utf8.count < 1_000)
  }
  _ = try? Spec.Process(parsing: bytes)
  _ = try? Spec.Linux.Resources(parsing: bytes)
  _ = try? State(parsing: bytes)
  return 0
}
