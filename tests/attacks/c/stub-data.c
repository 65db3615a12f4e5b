// A thread writes to all stub data of its process, word by word and all at once, while other threads' calls, faults, signals and
// clones are served: registers, turns and frames in there are whatever it likes. The process may die; nobody else may notice.
#define LIMIT_MS 200
#include "attack.h"
#include <sys/syscall.h>

enum { STRIDE = 16384, SLOTS = 4, WORK_MS = 40 };

static unsigned long value_of(int kind, unsigned long at, unsigned *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  switch (kind) {
    case 0: return 0;
    case 1: return (unsigned long)-1;
    case 2: return *seed & 3;
    case 3: return STUB_REQUEST + (*seed & 0xff8);
    case 4: return 0x8000000000000000ul >> (*seed >> 26);
    default: return (unsigned long)*seed << 32 | at;
  }
}

static volatile int go;
static struct { int kind; unsigned long from, to; int mode; } plan;

static void *scribble(void *unused) {
  unsigned seed = (unsigned)plan.kind * 7919 + 1;
  (void)unused;
  while (!go) continue;
  for (;;) {
    for (unsigned long at = plan.from; at < plan.to; at += 8) {
      volatile unsigned long *word = (volatile unsigned long *)at;
      unsigned long before = *word, value = value_of(plan.kind, at, &seed);
      if (plan.mode == 1 && before == 0) continue; // only what is in use
      *word = value;
      if (plan.mode == 2) *word = before; // for a moment
    }
  }
}

static void on_signal(int s) { (void)s; }

// What makes the kernel look at frames: calls, faults, signals, threads, processes.
static void work(void) {
  signal(SIGUSR1, on_signal);
  go = 1;
  for (double end = nowSeconds() + WORK_MS / 1000.0; nowSeconds() < end;) {
    char *page = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) page[0] = page[8192] = 1;
    munmap(page, 16384);
    syscall(SYS_getppid);
    raise(SIGUSR1);
  }
}

static void *work_in_thread(void *unused) {
  (void)unused;
  work();
  return NULL;
}

static void attempt(int kind, int mode, unsigned long from, unsigned long to) {
  ANY("stub data", {
    pthread_t threads[2];
    plan = (typeof(plan)){kind, from, to, mode};
    pthread_create(&threads[0], NULL, scribble, NULL);
    pthread_create(&threads[1], NULL, work_in_thread, NULL);
    work();
    fork();
    _exit(0);
  });
}

int main(void) {
  catch_all();
  int length = 0;
  while (length < STRIDE * SLOTS && TRY((void)*(volatile char *)(STUB_DATA + length)) == 0) length += 4096;
  OK(length >= 4096);
  for (int kind = 0; kind < 6; kind++)
    for (int mode = 0; mode < 3; mode++) attempt(kind, mode, STUB_DATA, STUB_DATA + length);
  // The words of the hand-over, one by one.
  for (unsigned word = 0; word < 24; word += 2) attempt(word % 6, word % 3, STUB_DATA + word * 8, STUB_DATA + word * 8 + 8);
  return done();
}
