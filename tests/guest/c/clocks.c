// Clocks: monotone over vDSO and system call, agreement, resolution, errors, sleeping long enough, CPU clocks, settimeofday refused.
#include "t.h"
static double raw(clockid_t c) { struct timespec t; OK(syscall(SYS_clock_gettime, c, &t) == 0); OK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000); return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }
static double lib(clockid_t c) { struct timespec t; OK(clock_gettime(c, &t) == 0); OK(t.tv_nsec >= 0 && t.tv_nsec < 1000000000); return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }
static volatile int backwards;
static void *mixer(void *a) {
  long last = 0;
  for (int i = 0; i < 3000; i++) {
    struct timespec t;
    if (i % 10 == (long)a) syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    else clock_gettime(CLOCK_MONOTONIC, &t);
    long now = t.tv_sec * 1000000000L + t.tv_nsec;
    if (now < last) backwards++;
    last = now;
  }
  return NULL;
}
int main(void) {
  pthread_t t[4];
  for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, mixer, (void *)i);
  for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
  printf("backwards %d\n", backwards);
  clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
    double a = raw(all[i]), b = lib(all[i]), c = raw(all[i]);
    OK(b - a > -0.011 && c - b > -0.011 && c - a < 1);
    struct timespec res;
    OK(clock_getres(all[i], &res) == 0 && res.tv_sec == 0 && res.tv_nsec > 0 && res.tv_nsec <= 10000000);
  }
  struct timeval tv;
  gettimeofday(&tv, NULL);
  double real = lib(CLOCK_REALTIME);
  OK(real - ((double)tv.tv_sec + (double)tv.tv_usec / 1e6) < 0.5);
  OK(time(NULL) - tv.tv_sec <= 1);
  time_t s;
  OK(syscall(SYS_time, &s) == s);
  R(syscall(SYS_clock_gettime, 99, &s));
  R(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (void *)8));
  R(clock_getres(CLOCK_MONOTONIC, NULL));
  R(syscall(SYS_clock_getres, 99, NULL));
  double a = lib(CLOCK_MONOTONIC);
  R(nanosleep(&(struct timespec){0, 20000000}, NULL));
  double b = lib(CLOCK_MONOTONIC);
  OK(b - a >= 0.02 && b - a < 5);
  R(nanosleep(&(struct timespec){0, 1000000000}, NULL));
  R(nanosleep(&(struct timespec){-1, 0}, NULL));
  R(nanosleep((void *)8, NULL));
  R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &(struct timespec){1, 0}, NULL));
  R(clock_nanosleep(99, 0, &(struct timespec){0, 0}, NULL));
  R(usleep(1000));
  // CPU time moves while computing, not while sleeping.
  double c0 = lib(CLOCK_PROCESS_CPUTIME_ID), t0 = lib(CLOCK_THREAD_CPUTIME_ID);
  double until = nowSeconds() + 20, c1, t1;
  do c1 = lib(CLOCK_PROCESS_CPUTIME_ID), t1 = lib(CLOCK_THREAD_CPUTIME_ID);
  while ((c1 - c0 < 0.02 || t1 - t0 < 0.02) && nowSeconds() < until);
  OK(c1 - c0 >= 0.02 && t1 - t0 >= 0.02);
  sleepMs(60);
  OK(lib(CLOCK_PROCESS_CPUTIME_ID) - c1 < 0.05);
  return done();
}
