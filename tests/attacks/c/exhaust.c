// Takes all that can be had of threads, processes, mappings, memory and descriptors; each has an end with Linux's own answer, and
// there is some again afterwards. The machine that this runs on has small limits (attacks.test.ts).
#define LIMIT_MS 30000
#include "attack.h"
#include <sys/eventfd.h>

static void *sleeper(void *unused) {
  (void)unused;
  pause();
  return NULL;
}
static void threads(void) {
  static pthread_t all[4000];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 16384);
  int count = 0, error = 0;
  while (count < 4000 && (error = pthread_create(&all[count], &small, sleeper, NULL)) == 0) count++;
  _exit(count > 20 && error == EAGAIN ? 7 : 1);
}
static void processes(void) {
  int count = 0;
  pid_t pid;
  while (count < 4000 && (pid = fork()) >= 0) {
    if (pid == 0) for (;;) pause();
    count++;
  }
  _exit(count > 20 && errno == EAGAIN ? 7 : 1);
}
// Every other page with another protection: a mapping each.
static void mappings(void) {
  enum { PAGES = 140000 };
  char *area = mmap(NULL, PAGES * 4096ul, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) _exit(2);
  for (int i = 0; i < PAGES; i += 2) {
    if (mprotect(area + i * 4096ul, 4096, PROT_READ | PROT_WRITE) == 0) continue;
    _exit(errno == ENOMEM && i > 1000 ? 7 : 1);
  }
  _exit(3);
}
// The same with pages that are there, so that the host needs a mapping for each as well.
static void host_mappings(void) {
  enum { PAGES = 70000 };
  volatile char *area = mmap(NULL, PAGES * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  for (int i = PAGES - 2; i >= 0; i -= 2) area[i * 4096ul] = 1;
  for (int i = 1; i < PAGES; i += 2) mprotect((void *)(area + i * 4096ul), 4096, PROT_NONE);
  for (int i = PAGES - 2; i >= 0; i -= 2) if (area[i * 4096ul] != 1) _exit(99);
  _exit(7);
}
static void memory(void) {
  for (;;) {
    char *area = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) _exit(errno == ENOMEM ? 7 : 1);
    memset(area, 1, 16 << 20);
  }
}
static void descriptors(void) {
  int count = 0;
  while (eventfd(0, 0) >= 0) count++;
  _exit(count > 100 && errno == EMFILE ? 7 : 1);
}
static void files(void) {
  for (int i = 0;; i++) {
    char name[32];
    static char block[65536];
    snprintf(name, sizeof name, "/tmp/fill%d", i);
    int fd = open(name, O_WRONLY | O_CREAT, 0600);
    if (fd < 0) _exit(errno == ENOSPC ? 7 : 1);
    if (write(fd, block, sizeof block) < 0) {
      int error = errno;
      for (; i >= 0; i--) snprintf(name, sizeof name, "/tmp/fill%d", i), unlink(name);
      _exit(error == ENOSPC || error == ENOMEM ? 7 : 2);
    }
    close(fd);
  }
}
static void *spinner(void *unused) {
  (void)unused;
  for (;;) continue;
}
// More threads that never rest than there are CPUs, and address space work beside them, which another thread has to do.
static void starve(void) {
  pthread_t thread;
  for (int i = 0; i < 24; i++) pthread_create(&thread, NULL, spinner, NULL);
  for (int i = 0; i < 40; i++) {
    volatile char *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) _exit(1);
    page[0] = page[500000] = 1;
    if (munmap((void *)page, 1 << 20) != 0) _exit(2);
  }
  _exit(7);
}
// One call that undoes thousands of mappings: a batch far larger than the page that orders are written to.
static void batches(void) {
  enum { PAGES = 4000 };
  for (int round = 0; round < 4; round++) {
    volatile char *area = mmap(NULL, PAGES * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PAGES; i += 2) area[i * 4096ul] = 1;
    for (int i = 0; i < PAGES; i += 2) mprotect((void *)(area + i * 4096ul), 4096, PROT_READ);
    if (mprotect((void *)area, PAGES * 4096ul, PROT_READ | PROT_WRITE) != 0) _exit(1);
    pid_t child = fork();
    if (child == 0) _exit(area[2 * 4096] == 1 ? 0 : 1);
    int status;
    waitpid(child, &status, 0);
    if (status != 0 || munmap((void *)area, PAGES * 4096ul) != 0) _exit(2);
  }
  _exit(7);
}
static void survives(const char *after) {
  int end = strcmp(IN_CHILD({
    pthread_t thread;
    if (pthread_create(&thread, NULL, (void *(*)(void *))sched_yield, NULL) != 0) _exit(1);
    pthread_join(thread, NULL);
    char *area = malloc(1 << 20);
    if (!area) _exit(2);
    memset(area, 1, 1 << 20);
    _exit(7);
  }), "exited 7");
  if (end) printf("FAIL nothing works after %s\n", after), failures++;
}

int main(void) {
  static const struct { const char *name; void (*run)(void); } all[] = {
      {"threads", threads}, {"processes", processes}, {"mappings", mappings}, {"descriptors", descriptors}, {"files", files}, {"starve", starve}, {"batches", batches}};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
    ENDS(all[i].name, "exited 7", all[i].run());
    survives(all[i].name);
  }
  ANY("memory", memory());
  survives("memory");
  ANY("mappings of the host", host_mappings());
  survives("mappings of the host");
  return done();
}
