extension String {
  /// A whole number in base ten. What the standard library has for it is code for all types of integers, in parts of the
  /// program that no start needs otherwise (specs/performance.md).
  public init(decimal number: Int) {
    var count = number < 0 ? 2 : 1
    var rest = number.magnitude
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    self = unsafe String(unsafeUninitializedCapacity: count) { bytes in
      if number < 0 { unsafe bytes[0] = UInt8(ascii: "-") }
      var rest = number.magnitude
      var place = count
      repeat {
        place -= 1
        unsafe bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      } while rest > 0
      return count
    }
  }
}
