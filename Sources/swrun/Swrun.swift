internal import CLinux
internal import CommandLineInterface
internal import Containers
internal import Isolation
internal import Linux

/// The program: reads the command line and runs one verb.
@main enum Swrun {
  static func main() {
    cl_prepare_streams()
    // A reader that is gone is an error of the write that meets it, not the end of the runtime.
    _ = cl_ignore_signal(SIGPIPE)
    let words = Array(Environment.words.dropFirst())
    cl_exit(run(words))
  }

  /// The exit code of the program.
  private static func run(_ words: [String]) -> CInt {
    do throws(RuntimeError) {
      switch try request(words) {
      case .version: try Output.write(Version.text)
      case .help(let verb): try Output.write(Help.text(verb))
      case .usage(let verb): try Output.write(Help.usage(verb))
      case .run(let arguments):
        if arguments.has(.debug) || arguments.has(.trace) {
          Trace.enable(toLog: !arguments.has(.trace))
        }
        return try dispatch(arguments)
      }
      return 0
    } catch {
      Log.error(error)
      return error.exitCode
    }
  }

  /// Parses the line; the log is open when this has failed, for engines read the error there.
  private static func request(_ words: [String]) throws(RuntimeError) -> Request {
    let request: Request
    do throws(RuntimeError) { request = try Parser.parse(words) } catch {
      let logging = Parser.loggingOptions(words)
      try Log.configure(
        file: logging.file, format: Log.Format(rawValue: logging.format ?? "") ?? .text,
        debug: false)
      throw error
    }
    guard case .run(let arguments) = request else { return request }
    let format = Log.Format(rawValue: arguments[.logFormat] ?? "") ?? .text
    try Log.configure(file: arguments[.log], format: format, debug: arguments.has(.debug))
    return request
  }

  private static func dispatch(_ arguments: Arguments) throws(RuntimeError) -> CInt {
    switch arguments.verb {
    case .create, .run, .exec: try ProtectedBinary.ensure()
    default: break
    }
    switch arguments.verb {
    case .create: try create(arguments)
    case .start: try start(arguments)
    case .run: return try run(arguments)
    case .exec: return try exec(arguments)
    case .state: try state(arguments)
    case .kill: try kill(arguments)
    case .delete: try delete(arguments)
    case .list: try list(arguments)
    case .ps: return try ps(arguments)
    case .pause: try pause(arguments)
    case .resume: try resume(arguments)
    case .update: try update(arguments)
    case .events: try events(arguments)
    case .spec: try spec(arguments)
    case .features: try features(arguments)
    case .completion: try completion(arguments)
    case .man: try Output.write(Manual.text())
    case .help: try Output.write(Help.text(nil))
    }
    return 0
  }
}
