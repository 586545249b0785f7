internal import CLinux
internal import Linux

/// Copies between our streams and the master side of a container's terminal.
struct TerminalRelay: ~Copyable {
  private let signals: FileDescriptor
  /// Closed after a hang-up.
  private var master: RelayStream
  /// A slave side of our own: the terminal lives on while the container has it closed, as an init
  /// has that opens the console for each message.
  private let slave: FileDescriptor
  private let input: RelayStream
  private let output: RelayStream
  private var toContainer = RelayBuffer()
  private var fromContainer = RelayBuffer()
  /// Nil when our input is no terminal.
  private var rawMode: RawMode?
  private var inputIsOpen = true
  /// The last byte that the container was given, for the end of the input.
  private var lastInput = UInt8(ascii: "\n")
  /// Whether we were sent a signal by which programs are ended.
  private var isWantedToEnd = false

  /// `mask` is the set of signals that `nextSignal` is to return; they must be blocked.
  init(master: consuming FileDescriptor, signals mask: inout sigset_t) throws(SystemError) {
    Terminal.copyWindowSize(to: master.rawValue)
    let slave = try master.terminalPeer()
    let stream = try RelayStream(owning: master)
    let signals = try system("signalfd") {
      unsafe cl_signalfd(-1, &mask, O_CLOEXEC | O_NONBLOCK)
    }
    self.signals = FileDescriptor(owning: signals)
    self.master = stream
    self.slave = slave
    input = RelayStream(reopening: 0, O_RDONLY)
    output = RelayStream(reopening: 1, O_WRONLY)
    rawMode = RawMode(0)
  }

  /// Copies until a signal comes: its number, and who sent it.
  mutating func nextSignal() throws(SystemError) -> (signal: CInt, sender: pid_t) {
    while true {
      if let received = received() { return received }
      try copy(timeout: -1)
    }
  }

  private mutating func received() -> (signal: CInt, sender: pid_t)? {
    var sender: pid_t = 0
    let signal = unsafe cl_read_signal(signals.rawValue, &sender)
    if Self.ends.contains(signal) { isWantedToEnd = true }
    return signal > 0 ? (signal, sender) : nil
  }

  /// The container has ended: what it wrote before is copied, what we were given is not.
  ///
  /// Where somebody wanted an end, by a signal now or before, a reader that reads nothing is not
  /// waited for.
  mutating func finish() throws(SystemError) {
    inputIsOpen = false
    toContainer = RelayBuffer()
    // More than a terminal holds: what comes then is from a process that outlives the container's
    // first one.
    var allowance = 1 << 20
    while allowance > 0 {
      while received() != nil {}
      let before = fromContainer.count
      switch fromContainer.fill(from: master) {
      case .moved: allowance -= fromContainer.count - before
      case .full: break
      case .nothingYet, .ended: if fromContainer.isEmpty { return }
      }
      if fromContainer.isEmpty { continue }
      if try !copy(timeout: isWantedToEnd ? 1000 : -1) { return }
    }
  }

  private static let ends = [SIGTERM, SIGINT, SIGQUIT, SIGHUP]

  /// Our window has another size now.
  func resize() {
    Terminal.copyWindowSize(to: slave.rawValue)
  }

  /// We were stopped and go on: the shell has changed our terminal, and perhaps its size.
  mutating func continueAfterStop() {
    rawMode?.enterAgain()
    resize()
  }

  // MARK: Copying

  /// One wait for whatever can be copied, and the copying.
  ///
  /// The timeout is in milliseconds, -1 for none; false when it has passed.
  @discardableResult
  private mutating func copy(timeout: CInt) throws(SystemError) -> Bool {
    var wanted = [pollfd(fd: signals.rawValue, events: Int16(POLLIN), revents: 0)]
    wanted.append(input.wanted(reading: inputIsOpen && toContainer.isEmpty))
    wanted.append(output.wanted(writing: !fromContainer.isEmpty))
    wanted.append(
      master.wanted(reading: fromContainer.isEmpty, writing: !toContainer.isEmpty))
    let ready = try system("poll") { unsafe cl_poll(&wanted, UInt(wanted.count), timeout) }
    if wanted[1].revents != 0 { readInput() }
    if wanted[3].revents & Int16(POLLOUT) != 0 { writeToContainer() }
    if wanted[3].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0
      && fromContainer.fill(from: master) == .ended
    {
      hangUp()
    }
    if wanted[2].revents != 0 && fromContainer.drain(into: output) == .ended { hangUp() }
    return ready > 0
  }

  private mutating func readInput() {
    switch toContainer.fill(from: input) {
    case .moved:
      lastInput = toContainer.last ?? lastInput
      writeToContainer()
    case .ended:
      inputIsOpen = false
      // A terminal at its end has lost its window; a file or a pipe has said all it had.
      if rawMode != nil { hangUp() } else { endInput() }
    case .nothingYet, .full: break
    }
  }

  private mutating func writeToContainer() {
    // The container's terminal cannot be closed to us while `slave` is open.
    _ = toContainer.drain(into: master)
  }

  /// Tells the container's terminal that no more input comes, as a person does: by the character
  /// for the end of a file, which counts at the start of a line; elsewhere a first one ends it.
  private mutating func endInput() {
    var state = termios()
    guard unsafe cl_tcgetattr(slave.rawValue, &state) == 0 else { return }
    let end = unsafe cl_end_of_file_character(&state)
    toContainer.append(lastInput == UInt8(ascii: "\n") ? [end] : [end, end])
    writeToContainer()
  }

  /// Closes the container's terminal: its processes get SIGHUP and the end of their input.
  private mutating func hangUp() {
    inputIsOpen = false
    fromContainer = RelayBuffer()
    toContainer = RelayBuffer()
    master.close()
  }
}
