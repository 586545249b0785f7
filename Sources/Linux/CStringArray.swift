internal import CLinux

/// A NULL-terminated array of C strings, as execve takes it; freed with the last reference.
///
/// Built before a clone, used behind it: the child then makes system calls only.
@safe public final class CStringArray {
  public let pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  public let count: Int

  public init(_ strings: [String]) {
    count = strings.count
    unsafe pointer = .allocate(capacity: strings.count + 1)
    for (index, string) in strings.enumerated() { unsafe pointer[index] = strdup(string) }
    unsafe pointer[strings.count] = nil
  }

  deinit {
    for index in 0..<count { unsafe free(pointer[index]) }
    unsafe pointer.deallocate()
  }
}
