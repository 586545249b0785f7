internal import CLinux
internal import Linux

/// The threads beside the first that find out about containers for `list`, while that goes from the
/// first container on: they begin with the last one, and all stop where they meet.
///
/// Nearly all of that time is the kernel's, for /proc/PID/stat above all, and it serves two
/// processors at once. What is listed, warned of and thrown, and its order, is the first thread's
/// doing alone: for what a helper left out, it looks itself.
struct ListingHelpers: ~Copyable {
  private let helpers: [ListingHelper]
  private let remaining: RemainingContainers
  private var areAtWork: Bool

  /// For fewer containers a thread costs more than it spares.
  private static let fewestContainers = 64
  private static let mostHelpers = 3

  /// How many threads beside the first are worth it.
  static func worthwhile(for containers: Int) -> Int {
    containers < fewestContainers ? 0 : min(Int(cl_processors()) - 1, mostHelpers)
  }

  init(_ count: Int, _ names: ContainerNames, _ lifecycle: Lifecycle) {
    remaining = RemainingContainers(names.count)
    var helpers: [ListingHelper] = []
    while helpers.count < count {
      // Without a thread it takes longer, no more.
      guard let helper = ListingHelper(names, lifecycle, remaining) else { break }
      helpers.append(helper)
    }
    self.helpers = helpers
    areAtWork = !helpers.isEmpty
  }

  deinit {
    // The program's end must not meet a thread that is at work.
    if areAtWork { for helper in helpers { helper.join() } }
  }

  /// Lends what a helper has found; false when the container is left to the caller.
  ///
  /// To be called with one index after the other.
  mutating func lend(_ index: Int, _ body: (ListedContainer, Span<UInt8>) -> Void) -> Bool {
    if areAtWork {
      if remaining.takeFirst() != nil { return false }
      for helper in helpers { helper.join() }
      areAtWork = false
    }
    for helper in helpers where helper.lend(index, body) { return true }
    return false
  }
}

/// The containers that no thread of `list` has taken yet.
@safe private final class RemainingContainers: @unchecked Sendable {
  private let range: UnsafeMutablePointer<UInt64>

  init(_ count: Int) {
    unsafe range = .allocate(capacity: 1)
    unsafe range.initialize(to: cl_range_make(0, UInt32(clamping: count)))
  }

  deinit { unsafe range.deallocate() }

  func takeFirst() -> Int? {
    let index = unsafe cl_range_take_first(range)
    return index < 0 ? nil : Int(index)
  }

  func takeLast() -> Int? {
    let index = unsafe cl_range_take_last(range)
    return index < 0 ? nil : Int(index)
  }
}

/// A thread that takes containers from the end and keeps what it found.
private final class ListingHelper {
  private let work: Work
  private let thread: Thread

  init?(_ names: ContainerNames, _ lifecycle: Lifecycle, _ remaining: RemainingContainers) {
    let work = Work(names, lifecycle, remaining)
    do throws(SystemError) {
      thread = try Thread("swrun-list", stack: 256 << 10) { work.run() }
    } catch { return nil }
    self.work = work
  }

  func join() { thread.join() }

  func lend(_ index: Int, _ body: (ListedContainer, Span<UInt8>) -> Void) -> Bool {
    work.lend(index, body)
  }
}

/// What a helper has found: its thread's until that was joined, the first thread's from then on.
///
/// Of `lifecycle` it asks a backend whether a container is paused, and nothing else.
private final class Work: @unchecked Sendable {
  private struct Found {
    let index: Int
    let container: ListedContainer
    let text: Range<Int>
  }

  private let names: ContainerNames
  private let lifecycle: Lifecycle
  private let remaining: RemainingContainers
  private var found: [Found] = []
  private var texts: [UInt8] = []

  init(_ names: ContainerNames, _ lifecycle: Lifecycle, _ remaining: RemainingContainers) {
    self.names = names
    self.lifecycle = lifecycle
    self.remaining = remaining
  }

  func run() {
    var reader = ListingReader(names, lifecycle)
    while let index = remaining.takeLast() {
      _ = reader.lend(index) { container, text in
        let start = texts.count
        unsafe text.extracting(first: container.end).withUnsafeBufferPointer {
          unsafe texts.append(contentsOf: $0)
        }
        found.append(Found(index: index, container: container, text: start..<texts.count))
      }
    }
  }

  func lend(_ index: Int, _ body: (ListedContainer, Span<UInt8>) -> Void) -> Bool {
    guard let last = found.last, last.index == index else { return false }
    found.removeLast()
    let texts = texts
    body(last.container, texts.span.extracting(last.text))
    return true
  }
}
