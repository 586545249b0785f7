#ifndef CLINUX_NAMESPACE_H
#define CLINUX_NAMESPACE_H

#include "clinux_base.h"
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

/// The CLONE_NEW flag of a namespace's type; -ENOTTY when the descriptor is no namespace.
static inline int cl_namespace_type(int fd) { CL_RET(ioctl(fd, NS_GET_NSTYPE)); }

#endif
