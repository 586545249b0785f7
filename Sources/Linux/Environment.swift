internal import CLinux

/// The environment that the program was started with.
public enum Environment {
  public static func value(_ name: String) -> String? {
    var entry = unsafe cl_environ()
    while let text = unsafe entry.pointee {
      let line = unsafe String(cString: text)
      if line.hasPrefix(name), line.utf8.dropFirst(name.utf8.count).first == UInt8(ascii: "=") {
        return String(line.dropFirst(name.count + 1))
      }
      unsafe entry += 1
    }
    return nil
  }
}
