// Not an attack: processes whose memory came about in all the ways there are, all of them at rest, so that it can be looked at from
// outside (memory-owners.test.ts). Says how many pages are rightly shared, then waits for the end of its input.
#include "attack.h"
#include <sys/ipc.h>
#include <sys/shm.h>

enum { PAGES = 64, SHARED_PAGES = 7, SYSV_PAGES = 3, FILE_PAGES = 2 };
static pid_t kids[64];
static int kid_count;

// Some of it written, some only read, in parent and child alternately.
static void touch(char *area, int from) {
  for (int i = from; i < PAGES; i += 2) area[i * 4096] = (char)(getpid() + i);
}
static pid_t kid(char *area, int from, int depth) {
  int there[2];
  char byte;
  if (pipe(there) != 0) _exit(1);
  pid_t pid = fork();
  if (pid != 0) {
    close(there[1]);
    if (read(there[0], &byte, 1) != 1) _exit(2); // it has done all it does
    close(there[0]);
    return pid;
  }
  touch(area, from);
  char *own = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  touch(own, 0);
  mprotect(own + 32 * 4096, 16 * 4096, PROT_READ);
  munmap(own + 16 * 4096, 8 * 4096);
  own = mremap(own, 8 * 4096, 12 * 4096, MREMAP_MAYMOVE);
  own[9 * 4096] = 1;
  if (depth > 0) kid(area, !from, depth - 1);
  if (write(there[1], "!", 1) != 1) _exit(1);
  for (;;) pause();
}
static void *writer(void *area) {
  touch(area, 0);
  for (;;) pause();
}

int main(void) {
  char *area = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  touch(area, 0);
  char *shared = mmap(NULL, SHARED_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *sysv = shmat(shmget(IPC_PRIVATE, SYSV_PAGES * 4096, 0600), NULL, 0);
  FILE *scratch = tmpfile();
  if (!scratch || ftruncate(fileno(scratch), FILE_PAGES * 4096) != 0) return 1;
  char *file = mmap(NULL, FILE_PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(scratch), 0);
  for (int i = 0; i < SHARED_PAGES; i++) shared[i * 4096] = 1;
  for (int i = 0; i < SYSV_PAGES; i++) sysv[i * 4096] = 1;
  for (int i = 0; i < FILE_PAGES; i++) file[i * 4096] = 1;
  pid_t sharer = fork(); // the only one that writes to these
  if (sharer == 0) {
    for (int i = 0; i < SHARED_PAGES; i++) shared[i * 4096] = 2;
    for (int i = 0; i < SYSV_PAGES; i++) sysv[i * 4096] = 2;
    for (int i = 0; i < FILE_PAGES; i++) file[i * 4096] = 2;
    shared[1] = 1;
    touch(area, 1);
    for (;;) pause();
  }
  while (!*(volatile char *)&shared[1]) continue;
  munmap(sysv, 4096); // one of them is the other's alone now
  madvise(area, 4096 * 4, MADV_DONTNEED);
  pid_t unshared = fork(); // has these too, and gives them back
  if (unshared == 0) {
    munmap(shared, SHARED_PAGES * 4096);
    shmdt(sysv);
    munmap(file, FILE_PAGES * 4096);
    pthread_t thread;
    pthread_create(&thread, NULL, writer, area);
    for (int i = 0; i < 4; i++) kids[kid_count++] = kid(area, i % 2, 2);
    printf("%d\n", SHARED_PAGES + FILE_PAGES + SYSV_PAGES - 1);
    fflush(stdout);
    for (;;) pause();
  }
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  kill(0, SIGKILL);
}
