// 32 threads: mutexes of every kind, condition variables, TLS, barriers, rwlocks, once, keys, cancellation, detached, signals to threads.
#include "t.h"
#include <semaphore.h>
enum { N = 32 };
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static long counter;
static __thread long tls = 7;
static __thread char tlsBig[10000];
static void *adder(void *arg) {
  for (int i = 0; i < 2000; i++) { pthread_mutex_lock(&m); counter++; pthread_mutex_unlock(&m); tls += (long)arg; }
  tlsBig[9999] = (char)(long)arg;
  return (void *)(tls + tlsBig[9999]);
}
static int turn;
static void *ring(void *arg) {
  long me = (long)arg;
  for (int round = 0; round < 20; round++) {
    pthread_mutex_lock(&m);
    while (turn % N != me) pthread_cond_wait(&cv, &m);
    turn++;
    pthread_cond_broadcast(&cv);
    pthread_mutex_unlock(&m);
  }
  return NULL;
}
static pthread_barrier_t bar;
static int phase[N];
static void *barrier(void *arg) {
  long me = (long)arg, serial = 0;
  for (int i = 0; i < 50; i++) {
    phase[me] = i;
    if (pthread_barrier_wait(&bar) == PTHREAD_BARRIER_SERIAL_THREAD) serial++;
    for (int k = 0; k < N; k++) if (phase[k] != i) serial += 100000;
    pthread_barrier_wait(&bar);
  }
  return (void *)serial;
}
static int cleaned;
static void cleanup(void *a) { (void)a; __sync_fetch_and_add(&cleaned, 1); }
static void *sleeper(void *arg) {
  pthread_cleanup_push(cleanup, NULL);
  char c;
  if (arg) read(*(int *)arg, &c, 1);
  else for (;;) pause();
  pthread_cleanup_pop(0);
  return NULL;
}
static void *spinner(void *arg) {
  (void)arg;
  pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  for (;;) continue;
}
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int onceRan;
static void onceF(void) { onceRan++; }
static pthread_key_t key;
static int destroyed;
static void destructor(void *v) { __sync_fetch_and_add(&destroyed, (int)(long)v); }
static void *keyed(void *arg) { pthread_once(&once, onceF); pthread_setspecific(key, arg); return pthread_getspecific(key); }
static volatile pthread_t handledBy;
static volatile int handledCount;
static void handler(int s) { (void)s; handledBy = pthread_self(); handledCount++; }
static void *waiter(void *arg) { (void)arg; while (!handledCount) pause(); return (void *)(long)pthread_equal(handledBy, pthread_self()); }
static sem_t sem;
static void *poster(void *arg) { (void)arg; sleepMs(10); sem_post(&sem); return NULL; }
static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static int shared, readErrors;
static void *rwWorker(void *arg) {
  for (int i = 0; i < 300; i++) {
    if ((long)arg % 4 == 0) { pthread_rwlock_wrlock(&rw); shared++; shared--; pthread_rwlock_unlock(&rw); }
    else { pthread_rwlock_rdlock(&rw); if (shared != 0) readErrors++; pthread_rwlock_unlock(&rw); }
  }
  return NULL;
}
static void all(void *(*f)(void *), long *sum) {
  pthread_t t[N];
  void *r;
  for (long i = 0; i < N; i++) OK(pthread_create(&t[i], NULL, f, (void *)i) == 0);
  for (int i = 0; i < N; i++) { OK(pthread_join(t[i], &r) == 0); if (sum) *sum += (long)r; }
}
static void *tids(void *arg) { (void)arg; return (void *)(long)(gettid() != getpid() && syscall(SYS_getpid) == getpid()); }
static void *forker(void *arg) {
  (void)arg;
  pid_t p = fork();
  if (p == 0) _exit(gettid() == getpid() ? 21 : 22);
  int st;
  waitpid(p, &st, 0);
  return (void *)(long)WEXITSTATUS(st);
}
static void *exiter(void *arg) { (void)arg; sleepMs(5); exit(33); }
int main(void) {
  long sum = 0;
  all(adder, &sum);
  printf("counter %ld tls sum %ld mine %ld\n", counter, sum, tls);
  all(ring, NULL);
  printf("turn %d\n", turn);
  pthread_barrier_init(&bar, NULL, N);
  sum = 0;
  all(barrier, &sum);
  printf("serial threads %ld\n", sum);
  pthread_key_create(&key, destructor);
  sum = 0;
  all(keyed, &sum);
  printf("once %d keys %ld destroyed %d\n", onceRan, sum, destroyed);
  all(rwWorker, NULL);
  printf("rwlock errors %d\n", readErrors);
  sum = 0;
  all(tids, &sum);
  printf("tids %ld\n", sum);
  // Cancellation of blocked and running threads.
  int p[2];
  pipe(p);
  pthread_t t[3];
  void *r;
  pthread_create(&t[0], NULL, sleeper, p);
  pthread_create(&t[1], NULL, sleeper, NULL);
  pthread_create(&t[2], NULL, spinner, NULL);
  sleepMs(20);
  for (int i = 0; i < 3; i++) { OK(pthread_cancel(t[i]) == 0); OK(pthread_join(t[i], &r) == 0); OK(r == PTHREAD_CANCELED); }
  printf("cleaned %d\n", cleaned);
  // A signal aimed at a thread runs there; one aimed at the process runs in one that does not block it.
  signal(SIGUSR1, handler);
  pthread_create(&t[0], NULL, waiter, NULL);
  sleepMs(10);
  pthread_kill(t[0], SIGUSR1);
  pthread_join(t[0], &r);
  printf("pthread_kill ran in the target %ld\n", (long)r);
  handledCount = 0;
  pthread_create(&t[0], NULL, waiter, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  sleepMs(10);
  kill(getpid(), SIGUSR1);
  pthread_join(t[0], &r);
  printf("kill ran in the willing thread %ld\n", (long)r);
  // Semaphores and timed waits.
  sem_init(&sem, 0, 0);
  pthread_create(&t[0], NULL, poster, NULL);
  R(sem_wait(&sem));
  pthread_join(t[0], NULL);
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  R(sem_timedwait(&sem, &at));
  pthread_mutex_lock(&m);
  R(pthread_cond_timedwait(&cv, &m, &at));
  pthread_mutex_unlock(&m);
  // Error-checking, recursive, robust, priority-inheriting mutexes.
  pthread_mutexattr_t a;
  pthread_mutex_t x;
  pthread_mutexattr_init(&a);
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&x, &a);
  R(pthread_mutex_lock(&x));
  R(pthread_mutex_lock(&x));
  R(pthread_mutex_unlock(&x));
  R(pthread_mutex_unlock(&x));
  pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&x, &a);
  R(pthread_mutex_lock(&x) + pthread_mutex_lock(&x) + pthread_mutex_unlock(&x) + pthread_mutex_unlock(&x));
  // fork from a thread; threads share everything; exit ends all threads; exec from a thread keeps the pid.
  pthread_create(&t[0], NULL, forker, NULL);
  pthread_join(t[0], &r);
  printf("forked from thread %ld\n", (long)r);
  pid_t c = fork();
  if (c == 0) { pthread_create(&t[0], NULL, exiter, NULL); for (;;) pause(); }
  reap("exit from a thread", c);
  c = fork();
  if (c == 0) { pthread_create(&t[0], NULL, sleeper, NULL); pthread_exit(NULL); }
  sleepMs(20);
  kill(c, SIGTERM);
  reap("leader exited first", c);
  for (int i = 0; i < 300; i++) { pthread_create(&t[0], NULL, tids, NULL); pthread_join(t[0], NULL); }
  pthread_attr_t at2;
  pthread_attr_init(&at2);
  pthread_attr_setdetachstate(&at2, PTHREAD_CREATE_DETACHED);
  for (int i = 0; i < 50; i++) OK(pthread_create(&t[0], &at2, tids, NULL) == 0);
  return done();
}
