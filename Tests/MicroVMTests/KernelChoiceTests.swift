import CLinux
import Linux
import OCISpec
import Testing

@testable import MicroVM

@Suite struct KernelChoiceTests {
  private let scratch: Scratch
  private let installed: InstalledKernels

  init() throws {
    scratch = try Scratch()
    installed = InstalledKernels(
      directories: [scratch.path + "/small", scratch.path + "/debian", scratch.path + "/share"],
      boot: scratch.path + "/boot", modules: scratch.path + "/modules")
  }

  private func choose(
    flag: String? = nil, path: String? = nil, annotation: String? = nil, policy: String? = nil
  ) throws(RuntimeError) -> KernelChoice {
    var spec = Spec(ociVersion: "1.2.0")
    if let path {
      spec.vm = Spec.VM()
      spec.vm?.kernel.path = path
    }
    spec.annotations[KernelChoice.annotation] = annotation
    return try KernelChoice(flag: flag, spec, policy: policy, searching: installed)
  }

  @Test func firstMatchWins() throws {
    try scratch.write("share/vmlinux")
    let all = try choose(flag: "/f", path: "/c", annotation: "/a", policy: "/p")
    #expect(all.path == "/f")
    #expect(all.reason == "--kernel")
    let section = try choose(path: "/c", annotation: "/a", policy: "/p")
    #expect(section.path == "/c")
    #expect(section.reason == "vm.kernel.path")
    let annotated = try choose(annotation: "/a", policy: "/p")
    #expect(annotated.path == "/a")
    #expect(annotated.reason == "annotation dev.swrun.vm.kernel")
    #expect(try choose(policy: "/p").reason == "policy")
    let found = try choose()
    #expect(found.path == scratch.path + "/share/vmlinux")
    #expect(found.reason == "installed")
  }

  @Test func installedKernelsInOrder() throws {
    try scratch.write("boot/vmlinuz-6.1.0-9-amd64")
    try scratch.write("boot/vmlinuz-6.1.0-56-amd64")
    try scratch.write("boot/vmlinuz-6.12.1-amd64")
    try scratch.write("boot/initrd.img-6.12.1-amd64")
    #expect(installed.find() == nil)
    try File.makeDirectories(scratch.path + "/modules/6.1.0-9-amd64")
    #expect(installed.find() == scratch.path + "/boot/vmlinuz-6.1.0-9-amd64")
    try File.makeDirectories(scratch.path + "/modules/6.1.0-56-amd64")
    #expect(installed.find() == scratch.path + "/boot/vmlinuz-6.1.0-56-amd64")
    try scratch.write("share/vmlinuz-5.10")
    #expect(installed.find() == scratch.path + "/share/vmlinuz-5.10")
    try scratch.write("debian/vmlinuz-6.1.0-9-cloud-amd64")
    try scratch.write("debian/vmlinuz-6.1.0-56-cloud-amd64")
    try scratch.write("debian/.lock")
    try scratch.write("debian/lib/modules/x")
    #expect(installed.find() == scratch.path + "/debian/vmlinuz-6.1.0-56-cloud-amd64")
    try scratch.write("small/vmlinuz")
    #expect(installed.find() == scratch.path + "/small/vmlinuz")
    try scratch.write("small/vmlinux")
    #expect(installed.find() == scratch.path + "/small/vmlinux")
  }

  @Test(arguments: [
    ("6.1.0-9-amd64", "6.1.0-56-amd64"), ("6.9", "6.12"), ("6.1", "6.1.1"), ("6.12~rc1", "6.12.1"),
    ("6.1.0-56-amd64", "6.1.0-56-cloud-amd64"), ("", "1"), ("06.1", "6.2"),
  ]) func versionsAscend(_ older: String, _ newer: String) {
    #expect(KernelFileName("/boot/vmlinuz-\(older)") < KernelFileName("/boot/vmlinuz-\(newer)"))
    #expect(!(KernelFileName("/boot/vmlinuz-\(newer)") < KernelFileName("/boot/vmlinuz-\(older)")))
  }

  @Test func noKernel() {
    let text = message { () throws(RuntimeError) in _ = try choose() }
    #expect(text.contains("no guest kernel found: looked in \(scratch.path)/small, "))
    #expect(text.contains("hack/kernel --debian"))
    #expect(text.contains("apt-get install linux-image-cloud-amd64"))
  }

  private func open(_ path: String) -> String {
    message { () throws(RuntimeError) in
      _ = try GuestKernel(
        flag: path, Spec(ociVersion: "1.2.0"), searching: installed,
        cache: CacheDirectory(path: scratch.path + "/cache"))
    }
  }

  @Test func filesThatAreNoKernels() throws {
    #expect(open("/nowhere/vmlinuz").contains("--kernel: /nowhere/vmlinuz: No such file"))
    #expect(open(scratch.path) == "\(scratch.path) is not a regular file")
    #expect(open("/dev/null") == "/dev/null is not a regular file")
    try scratch.write("script", "#!/bin/sh\n")
    #expect(open(scratch.path + "/script").contains("script: cut off within its header"))
    try scratch.write("text", String(repeating: "word ", count: 2000))
    #expect(open(scratch.path + "/text").contains("text: neither a bzImage nor ELF"))
    #expect(open("").contains("--kernel: is empty"))
  }

  private static let fetched = InstalledKernels(
    directories: ["/root/.cache/swrun/kernels/debian"], boot: "/nowhere", modules: "/nowhere")

  /// What `hack/kernel --debian` left is a kernel with all modules that a guest needs.
  @Test(.enabled(if: fetched.find() != nil)) func fetchedKernelIsComplete() throws {
    let path = try #require(Self.fetched.find())
    let kernel = try GuestKernel(
      flag: nil, Spec(ociVersion: "1.2.0"), searching: Self.fetched, cache: nil)
    #expect(kernel.path == path)
    let modules = try #require(kernel.modules)
    #expect(path.hasSuffix("/vmlinuz-" + modules.version))
    let names = try modules.closure(
      required: Initramfs.requiredModules, optional: Initramfs.optionalModules
    ).map(\.name)
    for name in Initramfs.requiredModules + Initramfs.optionalModules {
      #expect(names.contains(name), "\(name)")
    }
    let ring = try #require(names.firstIndex(of: "virtio_ring"))
    let bus = try #require(names.firstIndex(of: "virtio"))
    let mmio = try #require(names.firstIndex(of: "virtio_mmio"))
    #expect(ring < bus && bus < mmio)
  }
}
