#ifndef CLINUX_MACHINE_H
#define CLINUX_MACHINE_H

#include "clinux_base.h"

/// Bytes of memory that this machine has.
static inline uint64_t cl_physical_memory(void) {
  return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}
static inline long cl_online_processors(void) { return sysconf(_SC_NPROCESSORS_ONLN); }

#endif
