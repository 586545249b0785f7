#ifndef CLINUX_EVENT_H
#define CLINUX_EVENT_H

#include "clinux_base.h"
#include <sys/eventfd.h>

static inline int cl_eventfd(unsigned initial) {
  CL_RET(eventfd(initial, EFD_CLOEXEC | EFD_NONBLOCK));
}

#endif
