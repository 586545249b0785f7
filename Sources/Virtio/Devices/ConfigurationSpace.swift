/// Bytes that a device shows its driver (virtio 1.2, 2.5).
enum ConfigurationSpace {
  /// Copies `space` from `offset` on into `bytes`; zeros behind its end.
  static func read(
    _ space: [UInt8], offset: UInt64, into bytes: UnsafeMutableRawBufferPointer
  ) {
    for index in bytes.indices {
      let (position, isTooFar) = offset.addingReportingOverflow(UInt64(index))
      unsafe bytes[index] = isTooFar || position >= space.count ? 0 : space[Int(position)]
    }
  }

  /// A field of 4 bytes as the driver reads it.
  static func bytes(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}
