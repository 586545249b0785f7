internal import MachinePlan

/// What qemu is started with: a machine of the same devices as our own, under TCG.
enum QEMUCommand {
  /// The descriptors that qemu finds open, beside 0 (nothing), 1 (the serial port) and 2 (its
  /// complaints).
  enum Descriptor {
    static let files: CInt = 3
    static let vsock: CInt = 4
    static let monitor: CInt = 5
    static let count: CInt = 6
  }

  /// Where its file tree has what it boots.
  static let kernel = "kernel"
  static let initramfs = "initramfs"

  static let tag = "swrun"
  /// Translated code that is kept, in MiB: qemu's own limit would be an eighth of the host's memory.
  private static let translationBuffer = 128

  /// The arguments; `counterRate` is that of the host's time stamp counter in kHz.
  static func arguments(_ plan: MachinePlan, counterRate: UInt64) -> [String] {
    let megabytes = plan.memory >> 20
    var arguments = [
      plan.qemu, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
      "-machine",
      "microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on,auto-kernel-cmdline=off,"
        + "memory-backend=memory",
      "-accel", "tcg,thread=multi,tb-size=\(translationBuffer)",
      "-cpu", "max", "-smp", "\(plan.processors)", "-rtc", "base=utc",
      "-m", "\(megabytes)M",
      "-object", "memory-backend-memfd,id=memory,size=\(megabytes)M,share=on,seal=on",
      "-global", "virtio-mmio.force-legacy=false",
      "-kernel", "/" + kernel, "-append", parameters(plan, counterRate: counterRate),
      "-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial",
      "-chardev", "socket,id=files,fd=\(Descriptor.files)",
      "-device",
      "vhost-user-fs-device,chardev=files,tag=\(tag),num-request-queues=\(plan.fileQueues)",
      "-chardev", "socket,id=vsock,fd=\(Descriptor.vsock)",
      "-device", "vhost-user-vsock-device,chardev=vsock",
      "-device", "virtio-rng-device",
      "-device", "virtio-balloon-device,free-page-reporting=on",
      "-chardev", "socket,id=monitor,fd=\(Descriptor.monitor)",
      "-mon", "chardev=monitor,mode=control",
      "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]
    if plan.initramfs >= 0 { arguments += ["-initrd", "/" + initramfs] }
    return arguments
  }

  /// As long as any that is measured, which takes time.
  static let anyCounterRate: UInt64 = 1_000_000

  /// The machine has no timer that the kernel could measure the counter by, and the emulated one
  /// counts as the host's does.
  static func parameters(_ plan: MachinePlan, counterRate: UInt64) -> String {
    "tsc_early_khz=\(counterRate) tsc=reliable no_timer_check \(KernelParameters.line(of: plan))"
  }
}
