internal import Boot
internal import CLinux
internal import Linux
internal import OCISpec

/// The kernel that a guest boots: chosen, opened, and known to be one.
struct GuestKernel {
  /// Open for reading: the image, or what it has inside when that boots without decompression.
  let image: SharedDescriptor
  /// How messages call it.
  let path: String
  /// Why this one.
  let reason: String
  /// Of the command line, beyond what the VMM needs.
  let parameters: [String]
  /// Where its modules are; nil for a kernel that has all built in.
  let modules: ModuleDirectory?

  /// The kernel that flag, configuration, `policy`, or installation name; the first of them wins.
  init(
    flag: String?, _ spec: Spec, policy: String? = nil,
    searching installed: InstalledKernels = InstalledKernels(), cache: CacheDirectory? = .own
  ) throws(RuntimeError) {
    let choice = try KernelChoice(flag: flag, spec, policy: policy, searching: installed)
    path = choice.path
    reason = choice.reason
    parameters = spec.vm?.kernel.parameters ?? []
    let file: FileDescriptor
    do throws(SystemError) {
      // O_NONBLOCK: a fifo in its place must not hold up the start.
      file = try FileDescriptor.open(choice.path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
    } catch {
      throw RuntimeError("\(choice.reason): \(choice.path): \(error.reason)", advice: choice.advice)
    }
    let kernel = try KernelImage(BootFile(fd: file.rawValue, name: choice.path))
    modules = try ModuleDirectory(
      image: choice.path, version: kernel.version ?? KernelFileName(choice.path).version,
      system: installed.modules)
    let shared = SharedDescriptor(file)
    image =
      try cache.flatMap { cache throws(RuntimeError) in
        try KernelCache(cache).decompressed(kernel, of: shared)
      } ?? shared
  }
}
