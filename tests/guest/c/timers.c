// alarm, setitimer (real, virtual, prof), POSIX timers with every kind of notification, overruns, timer_gettime.
#include "t.h"
static volatile int alarms, vt, prof, rt;
static siginfo_t last;
static void handler(int s, siginfo_t *i, void *c) {
  (void)c;
  if (s == SIGALRM) alarms++;
  else if (s == SIGVTALRM) vt++;
  else if (s == SIGPROF) prof++;
  else { rt++; last = *i; }
}
static volatile int threadRan;
static void onThread(union sigval v) { threadRan = v.sival_int; }
int main(void) {
  struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  int list[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGRTMIN + 1};
  for (int i = 0; i < 4; i++) sigaction(list[i], &sa, NULL);
  R(alarm(100));
  R(alarm(50) >= 99);
  R(alarm(0) >= 49);
  struct itimerval it = {{0, 10000}, {0, 10000}}, old;
  R(setitimer(ITIMER_REAL, &it, NULL));
  while (alarms < 5) pause();
  R(getitimer(ITIMER_REAL, &old));
  printf("interval %ld\n", (long)old.it_interval.tv_usec);
  OK(old.it_value.tv_usec <= 10000);
  memset(&it, 0, sizeof it);
  R(setitimer(ITIMER_REAL, &it, &old));
  R(getitimer(ITIMER_REAL, &old));
  printf("off %ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
  R(setitimer(7, &it, NULL));
  it.it_value.tv_usec = 1000000;
  R(setitimer(ITIMER_REAL, &it, NULL));
  R(setitimer(ITIMER_REAL, (void *)8, NULL));
  it = (struct itimerval){{0, 5000}, {0, 5000}};
  R(setitimer(ITIMER_VIRTUAL, &it, NULL));
  while (vt < 2) continue;
  it = (struct itimerval){{0, 0}, {0, 0}};
  setitimer(ITIMER_VIRTUAL, &it, NULL);
  it = (struct itimerval){{0, 5000}, {0, 5000}};
  R(setitimer(ITIMER_PROF, &it, NULL));
  while (prof < 2) continue;
  it = (struct itimerval){{0, 0}, {0, 0}};
  setitimer(ITIMER_PROF, &it, NULL);
  // POSIX timers.
  timer_t t;
  struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1, .sigev_value.sival_int = 99};
  R(timer_create(CLOCK_MONOTONIC, &ev, &t));
  struct itimerspec spec = {{0, 10000000}, {0, 10000000}};
  R(timer_settime(t, 0, &spec, NULL));
  while (rt < 3) pause();
  printf("code %d value %d\n", last.si_code, last.si_value.sival_int);
  // Overruns while blocked.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  sleepMs(105);
  siginfo_t info;
  sigwaitinfo(&set, &info);
  printf("overrun some %d\n", info.si_overrun >= 5);
  OK(timer_getoverrun(t) >= 5);
  struct itimerspec now;
  R(timer_gettime(t, &now));
  printf("interval %ld\n", now.it_interval.tv_nsec);
  OK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec > 0 && now.it_value.tv_nsec <= 10000000);
  spec = (struct itimerspec){{0, 0}, {0, 0}};
  R(timer_settime(t, 0, &spec, &now));
  R(timer_gettime(t, &now));
  printf("disarmed %ld %ld\n", (long)now.it_value.tv_sec, now.it_value.tv_nsec);
  spec.it_value.tv_nsec = 1000000000;
  R(timer_settime(t, 0, &spec, NULL));
  R(timer_delete(t));
  R(timer_delete(t));
  R(timer_create(12345, NULL, &t));
  ev.sigev_notify = 55;
  R(timer_create(CLOCK_REALTIME, &ev, &t));
  // Absolute, default notification (SIGALRM).
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  alarms = 0;
  R(timer_create(CLOCK_REALTIME, NULL, &t));
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  spec = (struct itimerspec){{0, 0}, {at.tv_sec, at.tv_nsec}};
  spec.it_value.tv_nsec += 20000000;
  if (spec.it_value.tv_nsec >= 1000000000) { spec.it_value.tv_nsec -= 1000000000; spec.it_value.tv_sec++; }
  R(timer_settime(t, TIMER_ABSTIME, &spec, NULL));
  while (alarms < 1) pause();
  R(timer_delete(t));
  // SIGEV_NONE counts down without a signal; SIGEV_THREAD runs a function; SIGEV_THREAD_ID aims at a thread.
  ev = (struct sigevent){.sigev_notify = SIGEV_NONE};
  R(timer_create(CLOCK_MONOTONIC, &ev, &t));
  spec = (struct itimerspec){{0, 0}, {100, 0}};
  R(timer_settime(t, 0, &spec, NULL));
  R(timer_gettime(t, &now));
  printf("about 100 s: %d\n", now.it_value.tv_sec == 99);
  timer_delete(t);
  ev = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = onThread, .sigev_value.sival_int = 31};
  R(timer_create(CLOCK_MONOTONIC, &ev, &t));
  spec = (struct itimerspec){{0, 0}, {0, 1000000}};
  R(timer_settime(t, 0, &spec, NULL));
  for (int i = 0; i < 500 && !threadRan; i++) sleepMs(10);
  printf("thread got %d\n", threadRan);
  timer_delete(t);
  // Timers are not inherited by fork; alarm survives exec and is not inherited by fork.
  alarm(100);
  pid_t p = fork();
  if (p == 0) _exit(alarm(0) == 0 ? 0 : 1);
  reap("alarm not inherited", p);
  R(alarm(0) > 90);
  return done();
}
