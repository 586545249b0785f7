// What Swift cannot import from the C library and the kernel headers, as thin functions.
// Every function returns the system call's result, or -errno. One header an area.
#ifndef CLINUX_H
#define CLINUX_H

#include "clinux_base.h"
#include "clinux_attributes.h"
#include "clinux_boot.h"
#include "clinux_bpf.h"
#include "clinux_event.h"
#include "clinux_dirent.h"
#include "clinux_file.h"
#include "clinux_fileserver.h"
#include "clinux_fuse.h"
#include "clinux_guest.h"
#include "clinux_kvm.h"
#include "clinux_jail.h"
#include "clinux_machine.h"
#include "clinux_memory.h"
#include "clinux_mount.h"
#include "clinux_namespace.h"
#include "clinux_notify.h"
#include "clinux_process.h"
#include "clinux_session.h"
#include "clinux_qemu.h"
#include "clinux_rootfs.h"
#include "clinux_seccomp.h"
#include "clinux_socket.h"
#include "clinux_stream.h"
#include "clinux_terminal.h"
#include "clinux_text.h"
#include "clinux_thread.h"
#include "clinux_virtio.h"
#include "clinux_vhost.h"

#endif
