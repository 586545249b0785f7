import CLinux
import GuestProtocol
import Linux

/// The first byte says whose messages follow; the rest is a stream of frames. What is accepted must
/// stay itself when it is sent on, and every fault is one that is told in few words.
@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = bytes.first else { return 0 }
  if first & 1 == 0 {
    read(GuestMessage.self, Array(bytes.dropFirst()))
  } else {
    read(HostMessage.self, Array(bytes.dropFirst()))
  }
  return 0
}

private func read<Message: FramedMessage & Equatable>(_ type: Message.Type, _ bytes: [UInt8]) {
  let (here, there) = pair()
  // A socket holds more than an input has.
  try! FileDescriptor.writeAll(there.rawValue, bytes)
  there.close()
  var reader = MessageReader<Message>()
  do throws(ProtocolError) {
    while case .message(let message) = try reader.next(from: here.rawValue) {
      // Texts are cleaned where they come in: the second time nothing is left to clean.
      guard let once = try? Message(kind: message.kind, payload: message.payload()) else {
        fatalError("\(message.name) can't be read again")
      }
      precondition(once == message, "\(message.name) is another one when it is read again")
    }
  } catch {
    precondition(error.description.utf8.count < 10_000)
  }
}

private func pair() -> (SharedDescriptor, SharedDescriptor) {
  var fds: (CInt, CInt) = (-1, -1)
  let result = withUnsafeMutableBytes(of: &fds) {
    cl_socketpair(
      cl_sock_type(0) | cl_sock_cloexec(), $0.assumingMemoryBound(to: CInt.self).baseAddress!)
  }
  precondition(result == 0)
  return (
    SharedDescriptor(FileDescriptor(owning: fds.0)), SharedDescriptor(FileDescriptor(owning: fds.1))
  )
}
