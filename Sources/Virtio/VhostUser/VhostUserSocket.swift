internal import CLinux
internal import Linux

/// The connection to a front-end: whole messages in, answers out, never waiting.
struct VhostUserSocket: ~Copyable {
  let descriptor: FileDescriptor
  private var bytes: [UInt8] = []
  private var descriptors: [SharedDescriptor] = []

  /// Takes a connected stream socket and makes it non-blocking.
  init(_ descriptor: consuming FileDescriptor) throws(SystemError) {
    try system("fcntl", "vhost-user socket") {
      cl_fcntl(descriptor.rawValue, F_SETFL, Int(O_NONBLOCK))
    }
    self.descriptor = descriptor
  }

  enum Received {
    case message(VhostUserMessage)
    /// The rest of the message is still on its way.
    case nothing
    /// The front-end has closed the connection.
    case end
  }

  /// The next message as far as it has come.
  mutating func receive() throws(VhostUserFault) -> Received {
    while true {
      var wanted = VhostUserMessage.headerSize - bytes.count
      if wanted <= 0 {
        let header = try VhostUserMessage.header(bytes)
        wanted = VhostUserMessage.headerSize + header.length - bytes.count
        if wanted == 0 {
          let message = VhostUserMessage(
            request: header.request, needsReply: header.needsReply,
            payload: Array(bytes[VhostUserMessage.headerSize...]), descriptors: descriptors)
          bytes = []
          descriptors = []
          return .message(message)
        }
      }
      // Never more than this message: descriptors come with the first byte of theirs.
      guard let part = try read(wanted) else { return .nothing }
      if part.isEmpty {
        guard bytes.isEmpty else {
          throw .connection(SystemError(EPIPE, "recvmsg", "vhost-user socket"))
        }
        return .end
      }
      bytes += part
    }
  }

  /// Some bytes; none at the end of the connection; nil when none are there yet.
  private mutating func read(_ count: Int) throws(VhostUserFault) -> [UInt8]? {
    do throws(SystemError) {
      guard let (part, fds) = try descriptor.receiveMessage(limit: count) else { return [] }
      descriptors += fds.map { SharedDescriptor(FileDescriptor(owning: $0)) }
      guard descriptors.count <= Int(CL_MAX_PASSED_FDS) else {
        throw SystemError(EMSGSIZE, "recvmsg", "descriptors")
      }
      return part
    } catch {
      if error.errno == EAGAIN { return nil }
      throw .connection(error)
    }
  }

  /// Sends an answer; the front-end waits for it, so it finds room.
  borrowing func send(_ bytes: [UInt8]) throws(VhostUserFault) {
    do throws(SystemError) {
      try descriptor.sendMessage(bytes)
    } catch {
      throw .connection(error)
    }
  }
}
