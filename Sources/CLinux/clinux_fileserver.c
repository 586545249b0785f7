#include "CLinux.h"
#include "clinux_fileserver.h"
#include <grp.h>

static __thread struct cl_fs_thread this_thread = {.umask = -1};
static pthread_key_t memory_key;
static pthread_once_t memory_once = PTHREAD_ONCE_INIT;

static void make_key(void) { pthread_key_create(&memory_key, free); }

struct cl_fs_thread *cl_fs_thread(void) {
  struct cl_fs_thread *thread = &this_thread;
  if (thread->memory == NULL) {
    pthread_once(&memory_once, make_key);
    thread->memory = aligned_alloc(4096, CL_FS_MEMORY);
    if (thread->memory != NULL) pthread_setspecific(memory_key, thread->memory);
  }
  return thread;
}

static uint64_t bit(int capability) { return 1ULL << capability; }

static int set_effective(const struct cl_fs_thread *thread, uint64_t effective) {
  return cl_capset((struct cl_capability_sets){.effective = effective & thread->permitted,
                                               .permitted = thread->permitted,
                                               .inheritable = thread->inheritable});
}

int cl_fs_prepare(struct cl_fs_thread *thread, int proc_self_fd) {
  if (syscall(SYS_unshare, CLONE_FS) < 0) return -errno;
  if (fchdir(proc_self_fd) < 0) return -errno;
  if (syscall(SYS_setgroups, 0, NULL) < 0) {
    // Without the privilege it is enough that there are none.
    int error = errno, count = getgroups(0, NULL);
    if (count != 0) return -error;
  }
  thread->uid = geteuid();
  thread->gid = getegid();
  struct cl_capability_sets sets;
  int result = cl_capget(&sets);
  if (result < 0) return result;
  thread->permitted = sets.permitted;
  thread->inheritable = sets.inheritable;
  thread->keeps_suid = (sets.effective & bit(CAP_FSETID)) != 0;
  thread->file_gid = thread->gid;
  thread->umask = -1;
  thread->prepared = true;
  return 0;
}

int cl_fs_limit(struct cl_fs_thread *thread, uint64_t kept) {
  thread->permitted &= kept;
  thread->inheritable &= kept;
  thread->keeps_suid = (thread->permitted & bit(CAP_FSETID)) != 0;
  return set_effective(thread, thread->permitted);
}

static int set_groups(int64_t group) {
  gid_t id = (gid_t)group;
  CL_RET((int)syscall(SYS_setgroups, group < 0 ? 0 : 1, &id));
}

// The kernel has no way to ask what it would refuse, and no caller may go on as somebody else.
static void must(long result) {
  if (result < 0) abort();
}

int cl_fs_become(struct cl_fs_thread *thread, uid_t uid, gid_t gid, int64_t group,
                 bool keeps_suid) {
  if (uid == thread->uid && gid == thread->gid && group < 0) return 0;
  // Only root gets its capabilities back with its identity.
  if (thread->uid != 0) return -EPERM;
  int error;
  if (group >= 0 && (error = set_groups(group)) < 0) return error;
  if (gid != thread->gid && syscall(SYS_setresgid, -1, gid, -1) < 0) {
    error = -errno;
    if (group >= 0) must(set_groups(-1));
    return error;
  }
  if (uid != thread->uid) {
    if (syscall(SYS_setresuid, -1, uid, -1) < 0) {
      error = -errno;
      if (gid != thread->gid) must(syscall(SYS_setresgid, -1, thread->gid, -1));
      if (group >= 0) must(set_groups(-1));
      return error;
    }
    // The guest's kernel has checked the permissions, with groups that are not known here.
    uint64_t suid = keeps_suid ? bit(CAP_FSETID) : 0;
    must(set_effective(thread, bit(CAP_DAC_OVERRIDE) | bit(CAP_MKNOD) | suid));
  }
  return 0;
}

void cl_fs_return(struct cl_fs_thread *thread, uid_t uid, gid_t gid, int64_t group) {
  if (uid != thread->uid) {
    // Root again, which makes all that is permitted effective.
    must(syscall(SYS_setresuid, -1, thread->uid, -1));
    thread->keeps_suid = (thread->permitted & bit(CAP_FSETID)) != 0;
  }
  if (gid != thread->gid) must(syscall(SYS_setresgid, -1, thread->gid, -1));
  if (group >= 0) must(set_groups(-1));
}

int cl_fs_keep_suid(struct cl_fs_thread *thread, bool keeps, gid_t gid) {
  gid_t wanted = keeps || gid == (gid_t)-1 ? thread->gid : gid;
  if (thread->file_gid != wanted) {
    // Has no error; without the privilege the group stays.
    syscall(SYS_setfsgid, wanted);
    thread->file_gid = wanted;
  }
  if (thread->keeps_suid == keeps) return 0;
  uint64_t effective = keeps ? thread->permitted : thread->permitted & ~bit(CAP_FSETID);
  // A server that never had it can't keep them; that is no error of the request.
  if (keeps && !(thread->permitted & bit(CAP_FSETID))) return 0;
  int result = set_effective(thread, effective);
  if (result == 0) thread->keeps_suid = keeps;
  return result;
}
