/* Records every SQL statement that a process runs through SQLite, once for each database file and kind of thread.
 *
 * Preloaded by record.sh: the library asks SQLite to trace each connection, so nothing in the product knows of it. A
 * record is FILE US THREAD US TEXT RS; files are named after the process, in the folder that SQL_CENSUS names. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t seen[SLOTS];
static FILE *out;

static uint64_t hash(uint64_t h, const char *text) {
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211u;
  return (h ^ 0xff) * 1099511628211u;
}

/* Whether it is new. A full table counts everything as new: records may repeat, none is lost. */
static int note(uint64_t key) {
  key |= key == 0;
  for (uint64_t i = 0; i < SLOTS; i++) {
    uint64_t *slot = &seen[(key + i) % SLOTS];
    if (*slot == key) return 0;
    if (*slot == 0) {
      *slot = key;
      return 1;
    }
  }
  return 1;
}

static int trace(unsigned type, void *context, void *statement, void *text) {
  (void)type, (void)context, (void)text;
  const char *sql = sqlite3_sql(statement);
  const char *path = sqlite3_db_filename(sqlite3_db_handle(statement), "main");
  if (!sql || !path) return 0;
  const char *slash = strrchr(path, '/');
  const char *file = slash ? slash + 1 : path;
  char thread[16] = "";
  pthread_getname_np(pthread_self(), thread, sizeof thread);
  const char *kind = strncmp(thread, "store-scan", 10) == 0 ? "scan" : "other";
  pthread_mutex_lock(&lock);
  if (note(hash(hash(hash(14695981039346656037u, file), kind), sql))) {
    if (!out) {
      char name[4096];
      snprintf(name, sizeof name, "%s/%d.records", getenv("SQL_CENSUS"), (int)getpid());
      if (!(out = fopen(name, "w"))) {
        perror(name);
        abort();
      }
    }
    fprintf(out, "%s\x1f%s\x1f%s\x1e", file, kind, sql);
    fflush(out);
  }
  pthread_mutex_unlock(&lock);
  return 0;
}

static int opened(sqlite3 *db, char **error, const void *api) {
  (void)error, (void)api;
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, trace, NULL);
}

__attribute__((constructor)) static void start(void) {
  if (getenv("SQL_CENSUS")) sqlite3_auto_extension((void (*)(void))opened);
}
