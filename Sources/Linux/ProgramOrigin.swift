internal import CLinux

/// The file that a program was started from, told to the view of it that it executes next.
public enum ProgramOrigin {
  private static let variable = "_SWRUN_ORIGIN"

  /// Nil when this program was not executed by another view of itself.
  public static var path: String? {
    var entry = unsafe cl_environ()
    while let text = unsafe entry.pointee {
      let line = unsafe String(cString: text)
      if line.hasPrefix(variable + "=") { return String(line.dropFirst(variable.count + 1)) }
      unsafe entry += 1
    }
    return nil
  }

  /// An environment in which `path` is this program's file, whatever it held before.
  public static func recorded(in environment: [String]) -> [String] {
    let others = environment.filter { !$0.hasPrefix(variable + "=") }
    guard let path = try? File.readLink("/proc/self/exe") else { return others }
    return others + ["\(variable)=\(path)"]
  }
}
