internal import Boot
internal import CLinux
internal import Linux

/// Kernels that were decompressed once for all guests, so that no guest has to.
struct KernelCache {
  private let cache: CacheDirectory

  init(_ cache: CacheDirectory) { self.cache = cache }

  /// The ELF kernel inside of the image; nil when there is none, and the image boots as it is.
  func decompressed(
    _ kernel: KernelImage, of file: SharedDescriptor
  ) throws(RuntimeError) -> SharedDescriptor? {
    guard !kernel.isELF else { return nil }
    let status = try step(kernel.file.name) { () throws(SystemError) in try file.status() }
    let key = CacheKey("kernel 2", [FileIdentity(status).text])
    return try cache.file("kernel-\(key.digest)") { () throws(RuntimeError) in
      guard let inner = try kernel.decompressed() else { return nil }
      return try inner.read(at: 0, count: Int(inner.size))
    }
  }
}
