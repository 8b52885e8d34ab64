/* Tells how much of the heap a process uses: whoever connects to the socket that HEAP_SOCKET names reads the bytes.
 *
 * Preloaded by leaks.py, so nothing in the product knows of it. Resident memory moves in pages and with what the allocator keeps;
 * this moves with every allocation that is not given back. The pages that SQLite caches are left out: they have a bound of their
 * own, and a database that grows fills them. */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listener = -1;

static void *answer(void *unused) {
  (void)unused;
  for (;;) {
    int peer = accept(listener, NULL, NULL);
    if (peer < 0) continue;
    sqlite3_int64 pages = 0, most;
    sqlite3_status64(SQLITE_STATUS_PAGECACHE_OVERFLOW, &pages, &most, 0);
    struct mallinfo2 heap = mallinfo2();
    char text[32];
    int count = snprintf(text, sizeof text, "%lld\n", (long long)(heap.uordblks + heap.hblkhd) - (long long)pages);
    if (write(peer, text, (size_t)count) != count) perror("heap");
    close(peer);
  }
  return NULL;
}

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("HEAP_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (!path || strlen(path) >= sizeof address.sun_path) return;
  strcpy(address.sun_path, path);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pthread_t thread;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0 ||
      pthread_create(&thread, NULL, answer, NULL) != 0) {
    perror("heap");
    abort();
  }
  pthread_detach(thread);
}
