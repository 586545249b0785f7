#ifndef CLINUX_DIRENT_H
#define CLINUX_DIRENT_H

#include "clinux_base.h"
#include <dirent.h>

/// The record at `offset` of a getdents64 buffer: its length, or 0 at the end. `name` points into
/// the buffer.
static inline size_t cl_dirent_at(const void *_Nonnull buffer, size_t filled, size_t offset,
                                  const char *_Nullable *_Nonnull name, uint8_t *_Nonnull type) {
  if (offset >= filled) return 0;
  const struct dirent64 *entry = (const struct dirent64 *)((const char *)buffer + offset);
  *name = entry->d_name;
  *type = entry->d_type;
  return entry->d_reclen;
}

#endif
