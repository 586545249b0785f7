#ifndef CLINUX_BASE_H
#define CLINUX_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/// The result of a libc call, as -errno when it failed.
#define CL_RET(expr)                                                          \
  do {                                                                        \
    __typeof__(expr) cl_result = (expr);                                      \
    return cl_result == (__typeof__(expr))-1 ? -errno : cl_result;            \
  } while (0)

static inline const char *_Nonnull cl_strerror(int error) { return strerror(error); }

#endif
