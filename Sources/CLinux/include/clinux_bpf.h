#ifndef CLINUX_BPF_H
#define CLINUX_BPF_H

#include "clinux_base.h"
#include <linux/bpf.h>
#include <sys/syscall.h>

static inline int cl_bpf(unsigned command, union bpf_attr *_Nonnull attributes) {
  CL_RET((int)syscall(SYS_bpf, command, attributes, sizeof *attributes));
}
static inline struct bpf_insn cl_bpf_insn(uint8_t code, uint8_t destination, uint8_t source,
                                          int16_t offset, int32_t immediate) {
  struct bpf_insn result = {.code = code,
                            .dst_reg = destination,
                            .src_reg = source,
                            .off = offset,
                            .imm = immediate};
  return result;
}
static inline int cl_bpf_load_device_program(const struct bpf_insn *_Nonnull instructions,
                                             unsigned count) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = (uint64_t)(uintptr_t)instructions;
  attributes.insn_cnt = count;
  attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
  memcpy(attributes.prog_name, "swrun_devices", sizeof "swrun_devices");
  return cl_bpf(BPF_PROG_LOAD, &attributes);
}
/// Attaches beside the programs that are there, or, when `replaced` >= 0, in place of that one.
static inline int cl_bpf_attach_device_program(int cgroup, int program, int replaced) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (replaced >= 0) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = (uint32_t)replaced;
  }
  return cl_bpf(BPF_PROG_ATTACH, &attributes);
}
static inline int cl_bpf_detach_device_program(int cgroup, int program) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = (uint32_t)cgroup;
  attributes.attach_bpf_fd = (uint32_t)program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  return cl_bpf(BPF_PROG_DETACH, &attributes);
}
/// The ids of the device programs attached to this very cgroup; how many, or -errno.
static inline int cl_bpf_query_device_programs(int cgroup, uint32_t *_Nonnull ids,
                                               unsigned count) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.query.target_fd = (uint32_t)cgroup;
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = (uint64_t)(uintptr_t)ids;
  attributes.query.prog_cnt = count;
  int result = cl_bpf(BPF_PROG_QUERY, &attributes);
  return result < 0 ? result : (int)attributes.query.prog_cnt;
}
static inline int cl_bpf_program_by_id(uint32_t id) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_id = id;
  return cl_bpf(BPF_PROG_GET_FD_BY_ID, &attributes);
}

#endif
