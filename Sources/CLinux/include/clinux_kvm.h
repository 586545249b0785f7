#ifndef CLINUX_KVM_H
#define CLINUX_KVM_H

#include "clinux_base.h"
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/// Empties a file that is open for writing and goes back to its start.
static inline int cl_restart_file(int fd) {
  if (ftruncate(fd, 0) != 0) return -errno;
  CL_RET((int)lseek(fd, 0, SEEK_SET));
}

// The system (/dev/kvm).
static inline int cl_kvm_api_version(int kvm) { CL_RET(ioctl(kvm, KVM_GET_API_VERSION, 0)); }
static inline int cl_kvm_check(int fd, unsigned long capability) {
  CL_RET(ioctl(fd, KVM_CHECK_EXTENSION, capability));
}
static inline int cl_kvm_run_size(int kvm) { CL_RET(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0)); }
static inline int cl_kvm_create_machine(int kvm) { CL_RET(ioctl(kvm, KVM_CREATE_VM, 0)); }

enum { CL_KVM_CPUID_ENTRIES = 256 };
/// struct kvm_cpuid2 with room for its entries.
struct cl_kvm_cpuid {
  uint32_t nent;
  uint32_t padding;
  struct kvm_cpuid_entry2 entries[CL_KVM_CPUID_ENTRIES];
};
_Static_assert(offsetof(struct cl_kvm_cpuid, entries) == sizeof(struct kvm_cpuid2), "kvm_cpuid2");
/// struct kvm_msrs with one entry.
struct cl_kvm_msr {
  uint32_t nmsrs;
  uint32_t padding;
  struct kvm_msr_entry entry;
};
_Static_assert(offsetof(struct cl_kvm_msr, entry) == sizeof(struct kvm_msrs), "kvm_msrs");
/// Fills `entries` (CL_KVM_CPUID_ENTRIES of them); how many there are.
static inline int cl_kvm_supported_cpuid(int kvm, struct kvm_cpuid_entry2 *_Nonnull entries) {
  struct cl_kvm_cpuid cpuid = {.nent = CL_KVM_CPUID_ENTRIES};
  if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) != 0) return -errno;
  memcpy(entries, cpuid.entries, cpuid.nent * sizeof *entries);
  return (int)cpuid.nent;
}

// The machine.
static inline int cl_kvm_set_tss_address(int vm, unsigned long address) {
  CL_RET(ioctl(vm, KVM_SET_TSS_ADDR, address));
}
static inline int cl_kvm_set_identity_map(int vm, uint64_t address) {
  CL_RET(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &address));
}
static inline int cl_kvm_create_irqchip(int vm) { CL_RET(ioctl(vm, KVM_CREATE_IRQCHIP, 0)); }
static inline int cl_kvm_create_pit(int vm) {
  struct kvm_pit_config config = {.flags = KVM_PIT_SPEAKER_DUMMY};
  CL_RET(ioctl(vm, KVM_CREATE_PIT2, &config));
}
static inline int cl_kvm_set_memory(int vm, uint32_t slot, bool read_only, uint64_t guest,
                                    uint64_t size, void *_Nullable host) {
  struct kvm_userspace_memory_region region = {.slot = slot,
                                               .flags = read_only ? KVM_MEM_READONLY : 0,
                                               .guest_phys_addr = guest,
                                               .memory_size = size,
                                               .userspace_addr = (uintptr_t)host};
  CL_RET(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
}
static inline int cl_kvm_irqfd(int vm, int fd, uint32_t gsi, bool assign) {
  struct kvm_irqfd irq = {
      .fd = (uint32_t)fd, .gsi = gsi, .flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN};
  CL_RET(ioctl(vm, KVM_IRQFD, &irq));
}
static inline int cl_kvm_ioeventfd(int vm, int fd, uint64_t address, uint32_t length,
                                   uint64_t match, bool assign) {
  struct kvm_ioeventfd event = {
      .datamatch = match,
      .addr = address,
      .len = length,
      .fd = fd,
      .flags = KVM_IOEVENTFD_FLAG_DATAMATCH | (assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN)};
  CL_RET(ioctl(vm, KVM_IOEVENTFD, &event));
}
static inline int cl_kvm_irq_line(int vm, uint32_t gsi, bool level) {
  struct kvm_irq_level irq = {.irq = gsi, .level = level};
  CL_RET(ioctl(vm, KVM_IRQ_LINE, &irq));
}
static inline int cl_kvm_create_vcpu(int vm, unsigned long id) {
  CL_RET(ioctl(vm, KVM_CREATE_VCPU, id));
}

// A processor.
static inline int cl_kvm_set_cpuid(int vcpu, const struct kvm_cpuid_entry2 *_Nonnull entries,
                                   int count) {
  struct cl_kvm_cpuid cpuid = {.nent = (uint32_t)count};
  if (count < 0 || count > CL_KVM_CPUID_ENTRIES) return -E2BIG;
  memcpy(cpuid.entries, entries, (size_t)count * sizeof *entries);
  CL_RET(ioctl(vcpu, KVM_SET_CPUID2, &cpuid));
}
/// 1 when the register took the value, 0 when KVM refused it.
static inline int cl_kvm_set_msr(int vcpu, uint32_t index, uint64_t value) {
  struct cl_kvm_msr msr = {.nmsrs = 1, .entry = {.index = index, .data = value}};
  CL_RET(ioctl(vcpu, KVM_SET_MSRS, &msr));
}
static inline int cl_kvm_get_regs(int vcpu, struct kvm_regs *_Nonnull regs) {
  CL_RET(ioctl(vcpu, KVM_GET_REGS, regs));
}
static inline int cl_kvm_set_regs(int vcpu, const struct kvm_regs *_Nonnull regs) {
  CL_RET(ioctl(vcpu, KVM_SET_REGS, regs));
}
static inline int cl_kvm_get_sregs(int vcpu, struct kvm_sregs *_Nonnull sregs) {
  CL_RET(ioctl(vcpu, KVM_GET_SREGS, sregs));
}
static inline int cl_kvm_set_sregs(int vcpu, const struct kvm_sregs *_Nonnull sregs) {
  CL_RET(ioctl(vcpu, KVM_SET_SREGS, sregs));
}
static inline int cl_kvm_set_fpu(int vcpu, uint16_t control, uint32_t mxcsr) {
  struct kvm_fpu fpu = {.fcw = control, .mxcsr = mxcsr};
  CL_RET(ioctl(vcpu, KVM_SET_FPU, &fpu));
}
/// LINT0 delivers what the 8259 asks, LINT1 the NMI (Intel SDM 3, 11.5.1).
static inline int cl_kvm_set_local_interrupts(int vcpu) {
  struct kvm_lapic_state lapic;
  if (ioctl(vcpu, KVM_GET_LAPIC, &lapic) != 0) return -errno;
  const uint32_t external = 7 << 8, nmi = 4 << 8;
  memcpy(lapic.regs + 0x350, &external, sizeof external);
  memcpy(lapic.regs + 0x360, &nmi, sizeof nmi);
  CL_RET(ioctl(vcpu, KVM_SET_LAPIC, &lapic));
}
/// A descriptor of the processor's statistics.
static inline int cl_kvm_statistics(int vcpu) { CL_RET(ioctl(vcpu, KVM_GET_STATS_FD, 0)); }
/// Where the 8 bytes of a counter are in the file of statistics; -ENOENT when this kernel has none of
/// the name.
static inline int64_t cl_kvm_statistic(int fd, const char *_Nonnull name) {
  struct kvm_stats_header header;
  _Alignas(8) char record[sizeof(struct kvm_stats_desc) + 256];
  if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header) return -EIO;
  size_t size = sizeof(struct kvm_stats_desc) + header.name_size;
  if (size > sizeof record) return -EIO;
  for (uint32_t i = 0; i < header.num_desc; i++) {
    if (pread(fd, record, size, (off_t)(header.desc_offset + i * size)) != (ssize_t)size) return -EIO;
    const struct kvm_stats_desc *found = (const struct kvm_stats_desc *)record;
    record[size - 1] = 0;
    if (strcmp(record + sizeof *found, name) == 0) return (int64_t)header.data_offset + found->offset;
  }
  return -ENOENT;
}
static inline int cl_kvm_read_statistic(int fd, int64_t offset, uint64_t *_Nonnull value) {
  return pread(fd, value, sizeof *value, offset) == (ssize_t)sizeof *value ? 0 : -EIO;
}

static inline int cl_kvm_run(int vcpu) { CL_RET(ioctl(vcpu, KVM_RUN, 0)); }

// What KVM_RUN leaves in the page that it shares with this process.
static inline void cl_kvm_set_immediate_exit(struct kvm_run *_Nonnull run, bool set) {
  __atomic_store_n(&run->immediate_exit, set, __ATOMIC_SEQ_CST);
}
/// An exit without unions; its data begins `data` bytes into the shared page.
struct cl_kvm_exit {
  uint32_t reason;
  uint32_t detail;
  bool is_write;
  uint32_t size;
  uint32_t count;
  uint64_t address;
  uint64_t data;
  uint32_t words;
  uint64_t reason_of_hardware;
};
static inline void cl_kvm_read_exit(struct kvm_run *_Nonnull run, struct cl_kvm_exit *_Nonnull out) {
  out->reason = run->exit_reason;
  switch (run->exit_reason) {
  case KVM_EXIT_IO:
    out->is_write = run->io.direction == KVM_EXIT_IO_OUT;
    out->size = run->io.size;
    out->count = run->io.count;
    out->address = run->io.port;
    out->data = run->io.data_offset;
    break;
  case KVM_EXIT_MMIO:
    out->is_write = run->mmio.is_write;
    out->size = run->mmio.len > sizeof run->mmio.data ? sizeof run->mmio.data : run->mmio.len;
    out->count = 1;
    out->address = run->mmio.phys_addr;
    out->data = offsetof(struct kvm_run, mmio.data);
    break;
  case KVM_EXIT_INTERNAL_ERROR:
    out->detail = run->internal.suberror;
    out->words = run->internal.ndata > 16 ? 16 : run->internal.ndata;
    break;
  case KVM_EXIT_FAIL_ENTRY:
    out->reason_of_hardware = run->fail_entry.hardware_entry_failure_reason;
    break;
  case KVM_EXIT_UNKNOWN:
    out->reason_of_hardware = run->hw.hardware_exit_reason;
    break;
  case KVM_EXIT_SYSTEM_EVENT:
    out->detail = run->system_event.type;
    break;
  }
}
/// A word of an internal error; `index` is below its `words`.
static inline uint64_t cl_kvm_error_word(const struct kvm_run *_Nonnull run, uint32_t index) {
  return run->internal.data[index & 15];
}

// The signal that takes a thread out of KVM_RUN: one whose handler does nothing.
static inline int cl_kick_signal(void) { return SIGRTMIN; }
static inline void cl_kick_nothing(int signal) { (void)signal; }
/// Without SA_RESTART: the call that the signal meets ends with EINTR.
static inline int cl_kick_install(void) {
  struct sigaction action = {.sa_handler = cl_kick_nothing};
  CL_RET(sigaction(SIGRTMIN, &action, NULL));
}
/// Lets the signal reach the calling thread.
static inline int cl_kick_accept(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  return -pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

#endif
