internal import CLinux
internal import Linux

/// Loads what a distribution's kernel has as modules; a kernel that has all built in comes without
/// the directory.
enum ModuleLoader {
  static let directory = "/modules"

  static func loadAll() throws(RuntimeError) {
    let order = directory + "/order"
    if !File.exists(order) { return }
    let text = try step("kernel modules") { () throws(SystemError) in try File.read(order) }
    let modules: [ModuleOrder.Module]
    do throws(ModuleOrder.Fault) { modules = try ModuleOrder(text).modules } catch {
      throw RuntimeError("kernel modules: \(order):\(error.line): \"\(error.name)\" is no file")
    }
    for module in modules { try load(module) }
  }

  private static func load(_ module: ModuleOrder.Module) throws(RuntimeError) {
    let path = directory + "/" + module.file
    do throws(SystemError) {
      let file = try FileDescriptor.open(path, O_RDONLY)
      try system("finit_module", path) {
        unsafe cl_finit_module(file.rawValue, module.parameters, module.isCompressed)
      }
    } catch {
      // Built in, or loaded by the kernel itself.
      if error.errno == EEXIST { return }
      throw RuntimeError(
        "kernel module \(module.file)", error, advice: advice(error.errno))
    }
  }

  private static func advice(_ errno: CInt) -> String? {
    switch errno {
    case ENOEXEC: "it belongs to another kernel than the one that runs"
    case ENOENT: "it needs a module that the initramfs does not load before it"
    case ENODEV: "the machine has no such device"
    default: nil
    }
  }
}
