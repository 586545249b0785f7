import CLinux
import Linux
import Testing

/// A directory of its own for a test, removed with all that is in it when the value goes away.
final class Scratch {
  let path: String

  init() throws(SystemError) {
    path = "/tmp/microvm-tests-\(UInt64.random(in: 0...UInt64.max))"
    try File.makeDirectories(path, mode: 0o700)
  }

  deinit {
    if let stream = popen("rm -rf \(path)", "r") { pclose(stream) }
  }

  /// Makes a file and the directories above it.
  func write(_ name: String, _ bytes: [UInt8] = [], mode: mode_t = 0o644) throws(SystemError) {
    let whole = path + "/" + name
    if let slash = whole.lastIndex(of: "/") { try File.makeDirectories(String(whole[..<slash])) }
    let file = try FileDescriptor.open(whole, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.writeAll(bytes, whole)
    try system("fchmod", whole) { cl_fchmod(file.rawValue, mode) }
  }

  func write(_ name: String, _ text: String) throws(SystemError) {
    try write(name, Array(text.utf8))
  }

  func open(_ name: String) throws(SystemError) -> SharedDescriptor {
    SharedDescriptor(try FileDescriptor.open(path + "/" + name, O_RDONLY))
  }

  var names: [String] {
    get throws(SystemError) {
      try FileDescriptor.open(path, O_RDONLY | O_DIRECTORY).entries().sorted()
    }
  }
}

/// The file's bytes, wherever its position is.
func contents(_ file: SharedDescriptor) throws(SystemError) -> [UInt8] {
  try File.read("/proc/self/fd/\(file.rawValue)", limit: 1 << 28)
}

/// What an error says, or nothing when there was none.
func message(_ body: () throws(RuntimeError) -> Void) -> String {
  do throws(RuntimeError) { try body() } catch { return error.description }
  return ""
}
