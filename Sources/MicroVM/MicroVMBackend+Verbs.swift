public import Isolation
public import Linux
public import OCISpec
extension MicroVMBackend {
  public func start(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory
  ) throws(RuntimeError) {}
  public func exec(
    _ record: ContainerRecord, spec: Spec, in directory: borrowing ContainerDirectory,
    _ options: ExecOptions
  ) throws(RuntimeError) -> any LaunchedProcess { throw RuntimeError("") }
  public func killAll(_ record: ContainerRecord) throws(RuntimeError) {}
  public func signalAll(_ record: ContainerRecord, signal: CInt) throws(RuntimeError) {}
  public func processes(_ record: ContainerRecord) throws(RuntimeError) -> [Int32] { [] }
  public func pause(_ record: ContainerRecord) throws(RuntimeError) {}
  public func resume(_ record: ContainerRecord) throws(RuntimeError) {}
  public func isPaused(_ record: ContainerRecord) -> Bool { false }
  public func update(_ record: ContainerRecord, _ resources: Spec.Linux.Resources)
    throws(RuntimeError)
  {}
  public func destroy(_ record: ContainerRecord) throws(RuntimeError) {}
  public func removeRemains(of id: ContainerID, _ spec: Spec?) throws(RuntimeError) {}
}
