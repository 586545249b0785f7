#ifndef CLINUX_FUSE_H
#define CLINUX_FUSE_H

#include "clinux_base.h"
#include <linux/fuse.h>

// What protocol 7.38 of linux-libc-dev 6.1 lacks, under names of ours (linux/fuse.h of 6.18).
static const uint64_t CL_FUSE_SETUPMAPPING_FLAG_WRITE = FUSE_SETUPMAPPING_FLAG_WRITE;
static const uint64_t CL_FUSE_SETUPMAPPING_FLAG_READ = FUSE_SETUPMAPPING_FLAG_READ;
static const uint64_t CL_FUSE_CREATE_SUPP_GROUP = 1ULL << 34;
static const uint64_t CL_FUSE_DIRECT_IO_ALLOW_MMAP = 1ULL << 36;
/// The type of the request extension `struct cl_fuse_supp_groups` (FUSE_EXT_GROUPS).
enum { CL_FUSE_EXT_GROUPS = 32 };
/// The group of the parent directory, when the caller is a member of it.
struct cl_fuse_supp_groups {
  struct fuse_ext_header header;
  uint32_t count;
  uint32_t group;
};
_Static_assert(sizeof(struct cl_fuse_supp_groups) == 16, "fuse_supp_groups with one group");

_Static_assert(sizeof(struct fuse_in_header) == 40, "FUSE 7");
_Static_assert(sizeof(struct fuse_out_header) == 16, "FUSE 7");
_Static_assert(sizeof(struct fuse_attr) == 88, "FUSE 7.9 and later");
_Static_assert(sizeof(struct fuse_entry_out) == 128, "FUSE 7.9 and later");
_Static_assert(sizeof(struct fuse_init_out) == 64, "FUSE 7.23 and later");
_Static_assert(offsetof(struct fuse_dirent, name) == 24, "FUSE 7");

#endif
