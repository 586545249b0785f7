internal import FileServer
internal import Linux
internal import Virtio

/// The file server as what answers a file system device's requests, for both engines.
final class FileRequests: FilesystemHandler {
  private let server: FileServer

  init(_ server: FileServer) { self.server = server }

  func prepareThread() throws(SystemError) {
    let server = server
    ThreadRole.files.enter { () throws(SystemError) in try server.prepareThread() }
  }

  func handle(request: Segments, reply: Segments) -> Int {
    unsafe server.handle(request: request, reply: reply)
  }
}
