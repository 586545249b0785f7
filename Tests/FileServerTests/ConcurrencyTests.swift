import CLinux
import SeededRandom
import Testing

@testable import FileServer

/// Several threads that use, forget and close the same things at once.
@Suite struct ConcurrencyTests {
  @Test func sameFilesFromSeveralThreads() throws {
    let fixture = try Fixture()
    let server = fixture.server
    let names = (0..<6).map { "file\($0)" }
    try onServingThread { _ = try Client(server) }
    for name in names { fixture.write("rootfs/" + name, "content") }
    var threads: [(pthread_t, Unmanaged<Worker>)] = []
    for number in 0..<4 {
      let worker = Unmanaged.passRetained(Worker(server, names, seed: UInt64(number + 1)))
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<Worker>.fromOpaque(argument!).takeUnretainedValue().run()
          return nil
        }, worker.toOpaque())
      threads.append((thread, worker))
    }
    for (thread, worker) in threads {
      pthread_join(thread, nil)
      #expect(worker.takeUnretainedValue().faults == [])
      worker.release()
    }
    for name in names { #expect(fixture.read("rootfs/" + name) == "content") }
  }

  private final class Worker {
    let client: Client
    let names: [String]
    var random: SeededRandom
    var faults: [String] = []

    init(_ server: FileServer, _ names: [String], seed: UInt64) {
      client = Client(joining: server)
      self.names = names
      random = SeededRandom(seed: seed)
    }

    func run() {
      for _ in 0..<4000 {
        do {
          let name = names[random.below(names.count)]
          let entry = try client.lookup(2, name)
          switch random.below(4) {
          case 0:
            let handle = try client.open(entry.nodeid, O_RDONLY).fh
            let data = try client.read(handle, at: 0, 64)
            if data != Array("content".utf8) { faults.append("read \(data)") }
            try client.release(handle)
          case 1:
            let attributes = try client.attributes(entry.nodeid)
            if attributes.size != 7 { faults.append("size \(attributes.size)") }
          case 2:
            for found in try client.list(2, plus: true) where found.node != 0 {
              try client.forget(found.node, 1)
            }
          default: break
          }
          try client.forget(entry.nodeid, 1)
        } catch {
          faults.append("\(error)")
        }
      }
    }
  }
}
