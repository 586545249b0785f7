internal import CLinux
internal import JSON
internal import KVM
internal import Linux

/// `swrun-vmm --probe`: whether /dev/kvm runs guests, as a JSON object on standard output.
enum ProbeCommand {
  static func run() -> CInt {
    let fault: String?
    switch Probe.run() {
    case .usable: fault = nil
    case .unusable(let reason): fault = reason
    }
    var json = JSONWriter()
    json.beginObject()
    json.member("usable", fault == nil)
    json.member("reason", fault ?? "")
    json.endObject()
    json.endLine()
    do { try FileDescriptor.writeAll(1, json.bytes, "standard output") } catch { return 1 }
    return 0
  }
}
