internal import CLinux
internal import FileServer
internal import Linux
internal import Virtio

/// The file server as what answers a file system device's requests, for both engines.
final class FileRequests: FilesystemHandler {
  private let server: FileServer

  init(_ server: FileServer) { self.server = server }

  func prepareThread() throws(SystemError) { try server.prepareThread() }

  /// The same memory in the kernel's words: a chain has at most as many parts as its queue.
  func handle(request: Segments, reply: Segments) -> Int {
    unsafe withUnsafeTemporaryAllocation(
      of: iovec.self, capacity: request.count + reply.count
    ) { vectors in
      for index in vectors.indices {
        let part = unsafe index < request.count ? request[index] : reply[index - request.count]
        unsafe vectors.initializeElement(
          at: index, to: iovec(iov_base: part.baseAddress, iov_len: part.count))
      }
      let asked = unsafe UnsafeBufferPointer(rebasing: vectors[..<request.count])
      let answered = unsafe UnsafeBufferPointer(rebasing: vectors[request.count...])
      return unsafe server.handle(request: asked, reply: answered)
    }
  }
}
