#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>
#include <sqlite3.h>

/* sqlite3_config is variadic, which Swift cannot call. Memory statistics take a process-wide mutex
   on every allocation; with a reader per event loop that is a bottleneck nobody looks at. Must run
   before the library is initialised; afterwards it returns SQLITE_MISUSE and changes nothing. */
static inline int csqlite_disable_memory_statistics(void) {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}
