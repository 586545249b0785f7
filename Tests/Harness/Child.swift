import CHarness
import Foundation

/// What went wrong in the harness itself, or in a step that a test needs and does not judge.
public struct HarnessError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// What a program left behind: its exit code as shells count it, and its output.
public struct Outcome: Sendable, CustomStringConvertible {
  public let code: Int32
  public let signal: Int32?
  public let out: String
  public let err: String

  public init(code: Int32, signal: Int32?, out: String, err: String) {
    self.code = code
    self.signal = signal
    self.out = out
    self.err = err
  }

  /// The output without its last newline.
  public var line: String { out.trimmingCharacters(in: .newlines) }
  public var lines: [String] { out.split(separator: "\n").map(String.init) }
  public var errLines: [String] { err.split(separator: "\n").map(String.init) }
  public var description: String { "exit \(code)\n--- stdout\n\(out)--- stderr\n\(err)---" }

  /// The result itself, or an error that shows it.
  @discardableResult
  public func ok(_ what: String = "") throws -> Outcome {
    guard code == 0 else { throw HarnessError("\(what) failed: \(self)") }
    return self
  }
}

/// Where a child's standard input comes from.
public enum Input: Sendable {
  case null, closed
  case text(String)
  case fd(Int32)
}

/// Where a child's standard output or error goes.
public enum Output: Sendable {
  case captured, closed
  case file(String)
  case fd(Int32)
}

public enum Identity: Sendable {
  case same
  case user(UInt32)
}

/// A running program whose output is collected; killed when it is dropped while it still runs.
public final class Child {
  public let pid: Int32
  let pidfd: Int32
  private var captures: [Capture] = []
  private var feeding: (fd: Int32, bytes: [UInt8], at: Int)?
  private var ended: (code: Int32, signal: Int32?)?

  private struct Capture {
    let fd: Int32
    let isError: Bool
    var bytes: [UInt8] = []
    var open = true
  }

  /// Starts `argv`; `extra` become descriptors 3, 4, … of the child.
  public init(
    _ argv: [String], environment: [String: String], directory: String? = nil,
    input: Input = .null, output: Output = .captured, error: Output = .captured,
    extra: [Int32] = [], terminal: Bool = false, privateMounts: Bool = false,
    identity: Identity = .same
  ) throws {
    var ours: [Int32] = []  // ends that only the child needs
    defer { for fd in ours { close(fd) } }
    var fds: [Int32] = []
    var collected: [Capture] = []
    var fed: (fd: Int32, bytes: [UInt8], at: Int)?

    switch input {
    case .null: fds.append(try Child.open("/dev/null", O_RDONLY, &ours))
    case .closed: fds.append(-1)
    case .fd(let fd): fds.append(fd)
    case .text(let text):
      let pipe = try Child.pipe()
      ours.append(pipe.read)
      fds.append(pipe.read)
      fed = (pipe.write, Array(text.utf8), 0)
      _ = fcntl(pipe.write, F_SETFL, O_NONBLOCK)
    }
    for (target, isError) in [(output, false), (error, true)] {
      switch target {
      case .closed: fds.append(-1)
      case .fd(let fd): fds.append(fd)
      case .file(let path):
        fds.append(try Child.open(path, O_WRONLY | O_CREAT | O_APPEND, &ours))
      case .captured:
        let pipe = try Child.pipe()
        ours.append(pipe.write)
        fds.append(pipe.write)
        _ = fcntl(pipe.read, F_SETFL, O_NONBLOCK)
        collected.append(Capture(fd: pipe.read, isError: isError))
      }
    }
    fds += extra
    var uid: Int64 = -1
    if case .user(let id) = identity { uid = Int64(id) }
    var pidfd: Int32 = -1
    let path = argv[0].contains("/") ? argv[0] : Child.find(argv[0])
    let pid = withStrings(argv) { argv in
      withStrings(environment.map { "\($0.key)=\($0.value)" }) { envp in
        withOptional(directory) { cwd in
          path.withCString { path in
            fds.withUnsafeBufferPointer { fds in
              var program = ch_program(
                path: path, argv: argv, envp: envp, cwd: cwd, fds: fds.baseAddress!,
                fd_count: Int32(fds.count), terminal: terminal ? 1 : 0,
                private_mounts: privateMounts ? 1 : 0, uid: uid)
              return ch_spawn(&program, &pidfd)
            }
          }
        }
      }
    }
    guard pid > 0 else {
      throw HarnessError("cannot start \(argv): \(String(cString: strerror(-pid)))")
    }
    self.pid = pid
    self.pidfd = pidfd
    self.captures = collected
    self.feeding = fed
  }

  deinit {
    if ended == nil {
      _ = ch_pidfd_send_signal(pidfd, SIGKILL)
      var status: Int32 = 0
      _ = ch_reap(pid, &status)
    }
    for capture in captures where capture.open { close(capture.fd) }
    if let feeding { close(feeding.fd) }
    close(pidfd)
  }

  /// Sends a signal to exactly this process; false when it has ended.
  @discardableResult
  public func signal(_ number: Int32) -> Bool { ch_pidfd_send_signal(pidfd, number) == 0 }

  /// Waits for the end and collects the output; the child is killed and an error thrown when it
  /// takes longer than `timeout` seconds (times `patience`).
  public func finish(timeout: Double = 60) throws -> Outcome {
    let deadline = Date().addingTimeInterval(timeout * patience)
    while ended == nil {
      guard Date() < deadline else {
        signal(SIGKILL)
        var status: Int32 = 0
        _ = ch_reap(pid, &status)
        ended = (137, SIGKILL)
        drain()
        throw HarnessError("timed out after \(timeout * patience) s: \(result())")
      }
      step(100)
    }
    drain()
    return result()
  }

  /// Waits until the output so far holds `text`.
  public func expect(_ text: String, timeout: Double = 20) throws {
    let deadline = Date().addingTimeInterval(timeout * patience)
    while !text.isEmpty, !result().out.contains(text) {
      guard Date() < deadline, ended == nil else {
        throw HarnessError("no \(text.debugDescription) in the output: \(result())")
      }
      step(50)
      if ended != nil { drain() }
    }
  }

  private func result() -> Outcome {
    func text(_ isError: Bool) -> String {
      captures.first { $0.isError == isError }.map { String(decoding: $0.bytes, as: UTF8.self) }
        ?? ""
    }
    return Outcome(
      code: ended?.code ?? -1, signal: ended?.signal, out: text(false), err: text(true))
  }

  /// One turn of waiting: output, input that can be written, the end.
  private func step(_ milliseconds: Int32) {
    var polled = [pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)]
    for capture in captures where capture.open {
      polled.append(pollfd(fd: capture.fd, events: Int16(POLLIN), revents: 0))
    }
    if let feeding { polled.append(pollfd(fd: feeding.fd, events: Int16(POLLOUT), revents: 0)) }
    _ = poll(&polled, nfds_t(polled.count), milliseconds)
    feed()
    drain()
    if polled[0].revents != 0 {
      var status: Int32 = 0
      _ = ch_reap(pid, &status)
      ended = (ch_exit_code(status), status & 0x7f != 0 ? status & 0x7f : nil)
    }
  }

  private func feed() {
    guard var work = feeding else { return }
    let count = work.bytes[work.at...].withUnsafeBytes { write(work.fd, $0.baseAddress, $0.count) }
    if count > 0 { work.at += count }
    if work.at == work.bytes.count || (count < 0 && errno != EAGAIN) {
      close(work.fd)
      feeding = nil
    } else {
      feeding = work
    }
  }

  // Never waits for the end of the output: a detached container keeps the pipe open.
  private func drain() {
    var buffer = [UInt8](repeating: 0, count: 65536)
    for index in captures.indices where captures[index].open {
      while true {
        let count = read(captures[index].fd, &buffer, buffer.count)
        if count > 0 {
          captures[index].bytes += buffer[..<count]
          continue
        }
        if count == 0 {
          close(captures[index].fd)
          captures[index].open = false
        }
        break
      }
    }
  }

  private static func open(_ path: String, _ flags: Int32, _ owned: inout [Int32]) throws -> Int32 {
    let fd = Foundation.open(path, flags | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw HarnessError("open \(path): \(String(cString: strerror(errno)))") }
    owned.append(fd)
    return fd
  }

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var fds: [Int32] = [-1, -1]
    guard ch_pipe(&fds) == 0 else { throw HarnessError("no pipe") }
    return (fds[0], fds[1])
  }

  static func find(_ name: String) -> String {
    for directory in ["/usr/sbin", "/usr/bin", "/sbin", "/bin"] {
      let path = "\(directory)/\(name)"
      if access(path, X_OK) == 0 { return path }
    }
    return name
  }
}

private func withStrings<R>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
  defer { for pointer in pointers { free(pointer) } }
  pointers.append(nil)
  return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}

private func withOptional<R>(_ string: String?, _ body: (UnsafePointer<CChar>?) -> R) -> R {
  guard let string else { return body(nil) }
  return string.withCString { body($0) }
}

/// How many times longer things may take than on an ordinary machine: $SWRUN_PATIENCE, else 1.
public let patience = Double(ProcessInfo.processInfo.environment["SWRUN_PATIENCE"] ?? "") ?? 1

/// Runs a program of the host to its end.
@discardableResult
public func host(_ argv: String..., input: Input = .null, timeout: Double = 60) throws -> Outcome {
  try Child(argv, environment: baseEnvironment, input: input).finish(timeout: timeout)
}

/// Calls `condition` until it holds; false when it does not within `timeout` seconds (times
/// `patience`).
public func eventually(timeout: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = Date().addingTimeInterval(timeout * patience)
  while try !condition() {
    if Date() >= deadline { return false }
    usleep(10_000)
  }
  return true
}

let baseEnvironment = [
  "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
  "LANG": "C.UTF-8",
]
