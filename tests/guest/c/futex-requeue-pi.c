// FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: threads go from a word to a lock, one after the other; errors, time-outs.
// guest: cflags=-pthread
#include "t.h"
#include <linux/futex.h>

static unsigned cond, lock, taken;
static int gaveUp;
static long call(unsigned *at, int op, long v, const void *t, unsigned *at2, long v3) { return syscall(SYS_futex, at, op | FUTEX_PRIVATE_FLAG, v, t, at2, v3); }
static unsigned me(void) { return (unsigned)syscall(SYS_gettid); }
static struct timespec in(long ms) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += ms * 1000000;
  t.tv_sec += t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}
static void lockIt(void) {
  unsigned zero = 0;
  if (!__atomic_compare_exchange_n(&lock, &zero, me(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) OK(call(&lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
}
static void unlockIt(void) {
  unsigned own = me();
  if (!__atomic_compare_exchange_n(&lock, &own, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) OK(call(&lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
}
static void *waiter(void *unused) {
  OK(call(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock, 0) == 0);
  OK((__atomic_load_n(&lock, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK) == me());
  taken++;
  unlockIt();
  return unused;
}
static void *lateWaiter(void *unused) {
  struct timespec t = in(100);
  long r = call(&cond, FUTEX_WAIT_REQUEUE_PI, 0, &t, &lock, 0);
  const char *error = r ? strerrorname_np(errno) : "0";
  __atomic_store_n(&gaveUp, 1, __ATOMIC_SEQ_CST);
  printf("requeued, never given: %ld %s\n", r, error);
  return unused;
}
// Requeues until `wanted` have been moved.
static void move(int wanted, long most) {
  int moved = 0;
  while (moved < wanted) {
    long n = call(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)most, &lock, 0);
    OK(n >= 0);
    if (n < 0) break;
    moved += (int)n;
    sched_yield();
  }
  printf("moved %d\n", moved);
}

int main(void) {
  pthread_t t[4];
  struct timespec soon = in(5);
  R(call(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &cond, 0));
  R(call(&cond, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &lock, 0));
  R(call(&cond, FUTEX_WAIT_REQUEUE_PI, 0, &soon, &lock, 0));
  R(call(&cond, FUTEX_CMP_REQUEUE_PI, 0, NULL, &lock, 0));
  R(call(&cond, FUTEX_CMP_REQUEUE_PI, 2, NULL, &lock, 0));
  R(call(&cond, FUTEX_CMP_REQUEUE_PI, 1, NULL, &cond, 0));
  R(call(&cond, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock, 5));
  R(call(&cond, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock, 0));
  // The lock is held: all wait for it, and get it one after the other.
  lockIt();
  for (int i = 0; i < 4; i++) OK(pthread_create(&t[i], NULL, waiter, NULL) == 0);
  move(4, 100);
  printf("taken %u, waiters %d\n", taken, (lock & FUTEX_WAITERS) != 0);
  unlockIt();
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  printf("taken %u lock %u\n", taken, lock);
  // The lock is free: the first has it at once.
  OK(pthread_create(&t[0], NULL, waiter, NULL) == 0);
  move(1, 0);
  pthread_join(t[0], NULL);
  printf("taken %u lock %u\n", taken, lock);
  // A plain wake-up is refused, whenever it comes.
  OK(pthread_create(&t[0], NULL, waiter, NULL) == 0);
  long r;
  while ((r = call(&cond, FUTEX_WAKE, 1, NULL, NULL, 0)) == 0) sched_yield();
  printf("wake %ld %s\n", r, strerrorname_np(errno));
  move(1, 0);
  pthread_join(t[0], NULL);
  lockIt();
  OK(pthread_create(&t[0], NULL, lateWaiter, NULL) == 0);
  while (!__atomic_load_n(&gaveUp, __ATOMIC_SEQ_CST) && call(&cond, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock, 0) == 0) sched_yield();
  pthread_join(t[0], NULL);
  unlockIt();
  printf("lock %u\n", lock);
  return done();
}
