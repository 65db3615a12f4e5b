// Raw futex operations: wait, wake, bitset, requeue, cmp_requeue, wake_op, timeouts, PI, shared between processes, robust lists.
#include "t.h"
#include <linux/futex.h>
static int f(int *w, int op, int v, const void *t, void *w2, int v3) { return (int)syscall(SYS_futex, w, op, v, t, w2, v3); }
static int word, word2, woken;
static void *waiter(void *a) {
  int op = a ? FUTEX_WAIT_BITSET : FUTEX_WAIT;
  if (f(&word, op | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, (int)(long)a) == 0) __sync_fetch_and_add(&woken, 1);
  return NULL;
}
// Waits until `n` threads sleep: their wake-up count tells.
static void settle(void) { sleepMs(40); }
int main(void) {
  struct timespec none = {0, 0}, soon = {0, 20000000};
  R(f(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
  R(f(&word, FUTEX_WAIT, 0, &none, NULL, 0));
  R(f(&word, FUTEX_WAIT, 0, &soon, NULL, 0));
  R(f(&word, FUTEX_WAIT, 0, &(struct timespec){0, -1}, NULL, 0));
  R(f((int *)((char *)&word + 1), FUTEX_WAIT, 0, &none, NULL, 0));
  R(f((int *)8, FUTEX_WAIT, 0, &none, NULL, 0));
  R(f((int *)8, FUTEX_WAKE, 1, NULL, NULL, 0));
  R(f((int *)8, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0));
  R(f(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
  R(f(&word, 99, 1, NULL, NULL, 0));
  R(f(&word, FUTEX_WAIT_BITSET, 0, &none, NULL, 0));
  struct timespec past = {1, 0};
  R(f(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, -1));
  R(f(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, -1));
  pthread_t t[6];
  for (int i = 0; i < 6; i++) pthread_create(&t[i], NULL, waiter, NULL);
  settle();
  R(f(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 2, NULL, NULL, 0));
  R(f(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0));
  for (int i = 0; i < 6; i++) pthread_join(t[i], NULL);
  printf("woken %d\n", woken);
  // Bitsets.
  woken = 0;
  for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, waiter, (void *)(1L << i));
  settle();
  R(f(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0x5));
  R(f(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0x10));
  R(f(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0));
  R(f(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, -1));
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  // Requeue.
  woken = 0;
  for (int i = 0; i < 5; i++) pthread_create(&t[i], NULL, waiter, NULL);
  settle();
  R(f(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)2, &word2, 1));
  R(f(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 1, (void *)2, &word2, 0));
  R(f(&word2, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0));
  R(f(&word, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 0, (void *)100, &word2, 0));
  R(f(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0));
  R(f(&word2, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 100, NULL, NULL, 0));
  for (int i = 0; i < 5; i++) pthread_join(t[i], NULL);
  printf("woken %d\n", woken);
  // wake_op: word2 += 3, wake word if old word2 == 0.
  pthread_create(&t[0], NULL, waiter, NULL);
  settle();
  word2 = 0;
  R(f(&word2, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, (void *)1, &word, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)));
  printf("word %d\n", word);
  pthread_join(t[0], NULL);
  word = 0;
  // Shared between processes.
  int *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t p = fork();
  if (p == 0) { while (*s == 0) f(s, FUTEX_WAIT, 0, NULL, NULL, 0); _exit(*s); }
  settle();
  *s = 9;
  f(s, FUTEX_WAKE, 1, NULL, NULL, 0);
  reap("shared", p);
  // Robust mutex between processes: the owner dies.
  pthread_mutexattr_t a;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_t *m = (pthread_mutex_t *)(s + 64);
  pthread_mutex_init(m, &a);
  p = fork();
  if (p == 0) { pthread_mutex_lock(m); kill(getpid(), SIGKILL); }
  reap("owner", p);
  R(pthread_mutex_lock(m));
  R(pthread_mutex_consistent(m));
  R(pthread_mutex_unlock(m));
  p = fork();
  if (p == 0) { pthread_mutex_lock(m); s[1] = 1; sleepMs(60); kill(getpid(), SIGKILL); }
  while (!*(volatile int *)&s[1]) sleepMs(1);
  R(pthread_mutex_lock(m));
  reap("owner while waited for", p);
  void *head;
  size_t len;
  R(syscall(SYS_get_robust_list, 0, &head, &len));
  printf("len %zu\n", len);
  R(syscall(SYS_set_robust_list, head, 5));
  // set_tid_address: the word is cleared and woken at exit (pthread_join relies on it).
  R(syscall(SYS_set_tid_address, &word) == gettid());
  return done();
}
