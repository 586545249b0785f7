// How the static C library of Debian 12 starts, without asking the processor.
//
// Its own start asks for features and caches by forty CPUID instructions, to choose among variants of memcpy and the
// like. In a virtual machine each is an exit to the hypervisor: 0.3 ms of the 1 ms that `state` takes where one costs
// 8 µs. What swrun copies is small, so the variants for any x86-64 processor serve it as well. The steps are those
// that glibc 2.36 takes, by the functions that it takes them with; with any other C library this file is empty, and
// that one starts by itself.
#include <elf.h>
#include <features.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36

typedef int entry(int, char **, char **);
typedef void constructor(int, char **, char **);
typedef void destructor(void);

// Set before anything else looks at them.
extern char **__environ;
extern void *__libc_stack_end;
extern int __libc_enable_secure;
extern void *_dl_random;

extern void _dl_aux_init(Elf64_auxv_t *);
extern void __tunables_init(char **);
extern void _dl_relocate_static_pie(void);
extern void __libc_setup_tls(void);
extern void __libc_early_init(_Bool);
extern void __libc_init_first(int, char **, char **);
extern void __libc_check_standard_fds(void);
extern void *_dl_debug_initialize(Elf64_Addr, long);
extern int __cxa_atexit(void (*)(void *), void *, void *);
extern _Noreturn void exit(int);

// What the linker makes: calls that choose a variant, constructors and destructors.
extern const Elf64_Rela __rela_iplt_start[] __attribute__((weak, visibility("hidden")));
extern const Elf64_Rela __rela_iplt_end[] __attribute__((weak, visibility("hidden")));
extern constructor *__preinit_array_start[] __attribute__((visibility("hidden")));
extern constructor *__preinit_array_end[] __attribute__((visibility("hidden")));
extern constructor *__init_array_start[] __attribute__((visibility("hidden")));
extern constructor *__init_array_end[] __attribute__((visibility("hidden")));
extern destructor *__fini_array_start[] __attribute__((visibility("hidden")));
extern destructor *__fini_array_end[] __attribute__((visibility("hidden")));
extern void _init(void);
extern void _fini(void);

// Sizes in bytes that the variants of memcpy and memset go by, for caches as any server has them. Zero features, as
// _dl_x86_cpu_features is left, lead to the variants that need SSE2 alone.
enum { data_cache = 32 << 10, shared_cache = 1 << 20, beyond_caches = shared_cache / 4 * 3 };
long __x86_data_cache_size = data_cache;
long __x86_data_cache_size_half = data_cache / 2;
long __x86_shared_cache_size = shared_cache;
long __x86_shared_cache_size_half = shared_cache / 2;
long __x86_shared_non_temporal_threshold = beyond_caches;
long __x86_rep_movsb_threshold = 2048;
long __x86_rep_movsb_stop_threshold = beyond_caches;
long __x86_rep_stosb_threshold = 2048;
int __x86_string_control = 0;

static void choose_variants(void) {
  for (const Elf64_Rela *choice = __rela_iplt_start; choice < __rela_iplt_end; choice++) {
    if (ELF64_R_TYPE(choice->r_info) != R_X86_64_IRELATIVE) __builtin_trap();
    Elf64_Addr (*chosen)(void) = (Elf64_Addr(*)(void))choice->r_addend;
    *(Elf64_Addr *)choice->r_offset = chosen();
  }
}

static void destroy(void *unused) {
  (void)unused;
  for (destructor **last = __fini_array_end; last > __fini_array_start;) (*--last)();
  _fini();
}

// In the place of the C library's own, which _start calls. The process ends with main: its first thread must not call
// pthread_exit.
_Noreturn int __libc_start_main(
    entry *main, int count, char **words, void (*init)(void), void (*fini)(void), void (*loader_fini)(void),
    void *stack_end) {
  (void)init, (void)fini;
  char **environment = words + count + 1;
  __environ = environment;
  __libc_stack_end = stack_end;
  char **auxiliary = environment;
  while (*auxiliary) auxiliary++;
  _dl_aux_init((Elf64_auxv_t *)(auxiliary + 1));
  __tunables_init(__environ);
  _dl_relocate_static_pie();
  choose_variants();
  __libc_setup_tls();
  // The guards of stack frames, whose first byte ends a text, and of saved pointers: what the kernel gave by chance.
  uintptr_t guards[2];
  const unsigned char *chance = _dl_random;
  for (size_t i = 0; i < sizeof guards; i++) ((unsigned char *)guards)[i] = chance[i];
  __asm__ volatile("movq %0, %%fs:0x28" : : "r"(guards[0] & ~(uintptr_t)0xff));
  __asm__ volatile("movq %0, %%fs:0x30" : : "r"(guards[1]));
  if (loader_fini) __cxa_atexit((void (*)(void *))loader_fini, NULL, NULL);
  __libc_early_init(1);
  __libc_init_first(count, words, __environ);
  __cxa_atexit(destroy, NULL, NULL);
  if (__libc_enable_secure) __libc_check_standard_fds();
  for (constructor **next = __preinit_array_start; next < __preinit_array_end; next++) (*next)(count, words, __environ);
  _init();
  for (constructor **next = __init_array_start; next < __init_array_end; next++) (*next)(count, words, __environ);
  _dl_debug_initialize(0, 0);
  exit(main(count, words, __environ));
}

#endif
