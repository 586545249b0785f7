internal import FileServer
internal import Linux
internal import Virtio

/// The file server as what answers a file system device's requests, for both engines.
final class FileRequests: FilesystemHandler {
  private let server: FileServer

  init(_ server: FileServer) { self.server = server }

  func prepareThread() throws(SystemError) {
    try server.prepareThread()
    SystemCallFilter.enter(.files)
  }

  func handle(request: Segments, reply: Segments) -> Int {
    unsafe server.handle(request: request, reply: reply)
  }
}
