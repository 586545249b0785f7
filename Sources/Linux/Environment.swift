internal import CLinux

/// What the program was started with.
public enum Environment {
  /// The words of the command line, the program's name first. The standard library's `CommandLine` has the same.
  public static var words: [String] { unsafe strings(cl_words()) }

  /// The variables, `NAME=VALUE` each.
  public static var variables: [String] { unsafe strings(cl_environ()) }

  public static func value(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe string(value)
  }

  private static func strings(_ list: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> [String] {
    var result: [String] = []
    var next = unsafe list
    while let text = unsafe next.pointee {
      result.append(unsafe string(text))
      unsafe next += 1
    }
    return result
  }

  /// What is no UTF-8 becomes U+FFFD.
  private static func string(_ text: UnsafePointer<CChar>) -> String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: text, count: strlen(text)), as: UTF8.self)
  }
}
