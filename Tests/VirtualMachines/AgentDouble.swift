import CHarness
import Foundation
import Harness

/// An agent without a machine: it listens where a VM's vsock socket is, and does what the first
/// argument of a process says.
final class AgentDouble: @unchecked Sendable {
  private let listener: Int32
  private let lock = NSLock()
  private var received: [String] = []
  private var streams: [Int: [Int: Int32]] = [:]
  private var ports = 5000

  init(path: String) throws {
    _ = signal(SIGPIPE, SIG_IGN)
    listener = ch_listen(path)
    guard listener >= 0 else { throw HarnessError("no socket \(path): error \(-listener)") }
    Thread.detachNewThread { [self] in
      while true {
        let connection = ch_accept(listener)
        if connection < 0 { return }
        Thread.detachNewThread { self.serve(connection) }
      }
    }
  }

  deinit { close(listener) }

  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  /// What the sessions were told, such as `signal 15`.
  var log: [String] { lock.withLock { received } }

  private func note(_ text: String) { lock.withLock { received.append(text) } }

  // MARK: - Bytes

  private func read(_ fd: Int32, _ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while bytes.count < count {
      let got = Foundation.read(fd, &buffer, min(buffer.count, count - bytes.count))
      if got <= 0 { return nil }
      bytes += buffer[..<got]
    }
    return bytes
  }

  private func write(_ fd: Int32, _ bytes: [UInt8]) {
    var start = 0
    while start < bytes.count {
      let sent = bytes.withUnsafeBytes {
        Foundation.write(fd, $0.baseAddress! + start, bytes.count - start)
      }
      if sent <= 0 { return }
      start += sent
    }
  }

  private func send(_ fd: Int32, _ kind: Int, _ content: [String: Any] = [:]) {
    guard let payload = try? JSONSerialization.data(withJSONObject: content) else { return }
    var frame: [UInt8] = (0..<4).map { UInt8(payload.count >> (8 * $0) & 255) }
    frame += [UInt8(kind & 255), UInt8(kind >> 8), 1, 0]
    write(fd, frame + Array(payload))
  }

  private func receive(_ fd: Int32) -> (kind: Int, content: [String: Any])? {
    guard let header = read(fd, 8) else { return nil }
    let length = (0..<4).reduce(0) { $0 | Int(header[$1]) << (8 * $1) }
    guard let payload = read(fd, length),
      let value = try? JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
    else { return nil }
    return (Int(header[4]) | Int(header[5]) << 8, value)
  }

  // MARK: - Sessions

  private func serve(_ fd: Int32) {
    var line = ""
    while !line.hasSuffix("\n") {
      guard let byte = read(fd, 1) else { return }
      line += String(decoding: byte, as: UTF8.self)
    }
    let port = Int(line.split(separator: " ").last?.dropLast() ?? "") ?? 0
    write(fd, Array("OK 1073741824\n".utf8))
    if port != 1024 {
      guard let index = read(fd, 1)?.first else { return }
      lock.withLock { streams[port, default: [:]][Int(index)] = fd }
      return
    }
    guard let (kind, content) = receive(fd) else { return }
    switch kind {
    case 2: run(fd, content)
    case 6, 8:
      let what = kind == 6 ? "signalAll \(content["signal"] ?? "")" : "update"
      note(what)
      send(fd, 0x109, ["warnings": []])
    case 7:
      let row: [String: Any] = [
        "pid": 7, "ppid": 1, "uid": 0, "startTime": 1_000_000_000, "cpuSeconds": 3661,
        "tty": "pts/0", "command": "sh \u{1b}[2J",
      ]
      send(fd, 0x10a, ["list": [row]])
    case 9: send(fd, 0x10b, ["json": "{\"type\":\"stats\",\"id\":\"x\",\"data\":{}}"])
    case 10:
      send(fd, 0x10c)
      note("watchOOM")
      _ = read(fd, 1)
    default: break
    }
    close(fd)
  }

  private func run(_ fd: Int32, _ request: [String: Any]) {
    let text = request["process"] as? String ?? ""
    let process =
      (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
    let arguments = process["args"] as? [String] ?? []
    let port = lock.withLock {
      ports += 1
      return ports
    }
    if arguments.first == "hang" {
      note("hang")
      _ = read(fd, 1)
      return
    }
    send(fd, 0x103, ["port": port])
    _ = eventually(timeout: 20) { lock.withLock { streams[port]?.count == 3 } }
    guard let own = lock.withLock({ streams[port] }), own.count == 3 else { return }
    send(fd, 0x104, ["pid": 42])
    guard receive(fd)?.kind == 3 else { return }
    if arguments.first == "missing" {
      return send(
        fd, 0x106,
        ["message": "exec: \"missing\": not found", "advice": "look", "exitCode": 127])
    }
    send(fd, 0x105)
    var exit: [String: Any] = ["code": 0]
    switch arguments.first {
    case "cat": while let byte = read(own[0]!, 1) { write(own[1]!, byte) }
    case "fail":
      write(own[2]!, Array("err\n".utf8))
      exit["code"] = 9
    case "wait":
      write(own[1]!, Array("waits\n".utf8))
      guard let message = receive(fd) else {
        note("gone")
        break
      }
      let number = message.content["number"] as? Int ?? 0
      note("signal \(number)")
      exit = ["code": 128 + number, "signal": number]
    default: write(own[1]!, Array((arguments.dropFirst().joined(separator: " ") + "\n").utf8))
    }
    for stream in own.values {
      shutdown(stream, Int32(SHUT_RDWR))
      close(stream)
    }
    send(fd, 0x107, exit)
    _ = read(fd, 1)
  }
}
