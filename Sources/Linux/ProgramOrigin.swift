/// The file that a program was started from, told to the view of it that it executes next.
public enum ProgramOrigin {
  private static let variable = "_SWRUN_ORIGIN"

  /// Nil when this program was not executed by another view of itself.
  public static var path: String? { Environment.value(variable) }

  /// An environment in which `path` is this program's file, whatever it held before.
  public static func recorded(in environment: [String]) -> [String] {
    let others = environment.filter { !$0.hasPrefix(variable + "=") }
    guard let path = try? File.readLink("/proc/self/exe") else { return others }
    return others + ["\(variable)=\(path)"]
  }
}
