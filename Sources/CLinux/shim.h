#include <sys/syscall.h>
#include <unistd.h>

/* What Swift's module of the C library leaves out. */

/* Writes the set of processors that the process may run on, a bit each; the bytes written, or -1.
   The call itself: the library's wrapper is declared for GNU programs only. */
static inline long clinux_getaffinity(void *set, unsigned long size) {
  return syscall(SYS_sched_getaffinity, 0, size, set);
}
