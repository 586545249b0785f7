internal import Linux
internal import OCISpec
struct GuestKernel {
  let image: SharedDescriptor
  let path: String
  let parameters: [String]
  init(flag: String?, _ spec: Spec) throws(RuntimeError) {
    image = .closed; path = ""; parameters = []
  }
}
enum Initramfs {
  static func prepare(for kernel: GuestKernel) throws(RuntimeError) -> SharedDescriptor { .closed }
}
