// Calls that libraries probe for: membarrier, kcmp, futex_wait and kin, set_robust_list, and answers that make them fall back.
#include "t.h"
#include <linux/futex.h>
#include <linux/membarrier.h>
static volatile int stop, spins, word;
static void *spin(void *a) { while (!stop) spins++; return NULL; }
static void *waiter(void *a) {
  R(syscall(455, &word, 5L, 0xffffffffL, 2 | 128, NULL, CLOCK_MONOTONIC));
  return NULL;
}
int main(void) {
  long all = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  long wanted = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
  OK((all & wanted) == wanted);
  R(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0));
  R(syscall(SYS_membarrier, 1 << 20, 0, 0));
  R(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  R(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  pthread_t t;
  pthread_create(&t, NULL, spin, NULL);
  while (!spins) sched_yield();
  for (int i = 0; i < 20; i++) OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
  R(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0));
  R(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
  stop = 1;
  pthread_join(t, NULL);
  // kcmp: 0 is the same object.
  int a = dup(1), b = open("/dev/null", O_RDONLY);
  pid_t me = getpid(), child = fork();
  if (child == 0) for (;;) pause();
  R(syscall(SYS_kcmp, me, me, 0, 1, a));
  OK(syscall(SYS_kcmp, me, me, 0, 1, b) + syscall(SYS_kcmp, me, me, 0, b, 1) == 3);
  R(syscall(SYS_kcmp, me, child, 0, b, b));
  R(syscall(SYS_kcmp, me, me, 1, 0, 0));
  OK(syscall(SYS_kcmp, me, child, 1, 0, 0) > 0);
  OK(syscall(SYS_kcmp, me, child, 2, 0, 0) > 0);
  R(syscall(SYS_kcmp, me, me, 0, 1, 999));
  R(syscall(SYS_kcmp, me, me, 99, 0, 0));
  R(syscall(SYS_kcmp, me, 999999, 1, 0, 0));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  if (syscall(454, &word, 1L, 1, 2 | 128) == 0) {
    R(syscall(454, &word, 0L, 1, 2));
    R(syscall(454, &word, 1L, 1, 0));
    R(syscall(455, &word, 7L, 1L, 2, NULL, CLOCK_MONOTONIC));
    struct timespec past = {0, 1}, bad = {0, -1};
    R(syscall(455, &word, 0L, 1L, 2, &past, CLOCK_MONOTONIC));
    R(syscall(455, &word, 0L, 1L, 2, &bad, CLOCK_MONOTONIC));
    R(syscall(455, &word, 0L, 1L, 2, &past, 17));
    word = 5;
    pthread_create(&t, NULL, waiter, NULL);
    while (syscall(454, &word, 0xffffffffL, 1, 2 | 128) != 1) sched_yield();
    pthread_join(t, NULL);
    struct { uint64_t val, uaddr; uint32_t flags, reserved; } pair[2] = {{4, (uintptr_t)&word, 2, 0}, {0, (uintptr_t)&stop, 2, 0}};
    R(syscall(456, pair, 0, 1, 1));
    pair[0].val = 5;
    R(syscall(456, pair, 0, 1, 1));
    R(syscall(456, pair, 1, 1, 1));
  }
  return done();
}
