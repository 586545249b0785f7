internal import Linux
internal import OCISpec

extension [Spec.Linux.Resources.HugepageLimit] {
  /// What the hugetlb controller is told: the limit, and the same for reservations where the
  /// kernel counts them, so that mmap fails instead of a later page fault.
  func settings(
    version: CgroupVersion, has: (String) -> Bool
  ) throws(RuntimeError) -> [Setting] {
    let limit = version == .v1 ? "limit_in_bytes" : "max"
    var result: [Setting] = []
    for (index, page) in enumerated() {
      let field = "hugepageLimits[\(index)]"
      guard isPageSize(page.pageSize) else {
        throw RuntimeError(
          "linux.resources.\(field).pageSize: \(page.pageSize): not a size of pages",
          advice: "give a number and KB, MB or GB, such as 2MB")
      }
      let file = "hugetlb.\(page.pageSize)."
      result.append(Setting(field, "\(page.pageSize) \(page.limit)", file + limit, "\(page.limit)"))
      if has(file + "rsvd." + limit) {
        result.append(
          Setting(field, "\(page.pageSize) \(page.limit)", file + "rsvd." + limit, "\(page.limit)"))
      }
    }
    return result
  }

  /// The size becomes part of a file name: digits and a unit, nothing else.
  private func isPageSize(_ text: String) -> Bool {
    let bytes = [UInt8](text.utf8)
    guard bytes.count > 2, bytes.count < 16, bytes.last == UInt8(ascii: "B") else { return false }
    let unit = bytes[bytes.count - 2]
    return (unit == UInt8(ascii: "K") || unit == UInt8(ascii: "M") || unit == UInt8(ascii: "G"))
      && bytes.dropLast(2).allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
  }
}
