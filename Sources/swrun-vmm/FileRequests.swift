internal import CLinux
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

  /// Nothing can be written any more: the thread keeps what reads files of all users.
  func adjustThread() {
    let result = unsafe cl_fs_limit(cl_fs_thread(), Jail.readerCapabilities)
    // It would be a thread that may do more than anybody thinks.
    if result < 0 { cl_exit(1) }
  }

  func deviceWasReset() { server.clearWindow() }

  func handle(request: Segments, reply: Segments, waiting: inout RequestWaiting) -> Int? {
    unsafe server.handle(
      request: request, reply: reply, mayWait: waiting.isAllowed, &waiting.ticket)
  }

  var canGoOn: Bool { server.hasRoom }
}
