// Real-time signals: order and queueing, values, sigwaitinfo, sigtimedwait, RLIMIT_SIGPENDING.
#include "t.h"
static int order[64], values[64], n;
static void handler(int s, siginfo_t *i, void *c) { (void)c; order[n] = s - SIGRTMIN; values[n++] = i->si_value.sival_int; }
int main(void) {
  struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigset_t all, old;
  sigemptyset(&all);
  for (int i = 0; i < 5; i++) {
    sigaddset(&all, SIGRTMIN + i);
    sigaddset(&sa.sa_mask, SIGRTMIN + i);
  }
  for (int i = 0; i < 5; i++) sigaction(SIGRTMIN + i, &sa, NULL);
  sigprocmask(SIG_BLOCK, &all, &old);
  for (int round = 0; round < 3; round++)
    for (int i = 4; i >= 0; i--) sigqueue(getpid(), SIGRTMIN + i, (union sigval){.sival_int = round * 10 + i});
  sigprocmask(SIG_SETMASK, &old, NULL);
  for (int i = 0; i < n; i++) printf("%d:%d ", order[i], values[i]);
  printf("\n%d delivered\n", n);

  sigprocmask(SIG_BLOCK, &all, NULL);
  sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 77});
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 78});
  siginfo_t info;
  R(sigwaitinfo(&all, &info) - SIGRTMIN);
  printf("value %d code %d pid ok %d\n", info.si_value.sival_int, info.si_code, info.si_pid == getpid());
  R(sigwaitinfo(&all, &info) - SIGRTMIN);
  printf("value %d\n", info.si_value.sival_int);
  R(sigtimedwait(&all, &info, &(struct timespec){0, 0}));
  R(sigtimedwait(&all, &info, &(struct timespec){0, 20000000}));
  R(sigtimedwait(&all, &info, &(struct timespec){0, -1}));
  R(sigtimedwait(&all, &info, &(struct timespec){0, 1000000000}));
  R(syscall(SYS_rt_sigtimedwait, &all, &info, NULL, 7));
  // From another process, waiting.
  pid_t me = getpid(), c = fork();
  if (c == 0) { sleepMs(50); sigqueue(me, SIGRTMIN + 3, (union sigval){.sival_int = 5}); _exit(0); }
  R(sigwaitinfo(&all, &info) - SIGRTMIN);
  printf("from child %d value %d\n", info.si_pid == c, info.si_value.sival_int);
  waitpid(c, NULL, 0);
  // sigwait of a standard signal; process-directed before thread-directed does not matter, lowest number first.
  sigset_t std;
  sigemptyset(&std);
  sigaddset(&std, SIGUSR1);
  sigaddset(&std, SIGUSR2);
  sigprocmask(SIG_BLOCK, &std, NULL);
  kill(getpid(), SIGUSR2);
  kill(getpid(), SIGUSR1);
  int s;
  sigwait(&std, &s);
  printf("sigwait USR1 %d\n", s == SIGUSR1);
  sigwait(&std, &s);
  printf("sigwait USR2 %d\n", s == SIGUSR2);
  // The limit of queued signals.
  struct rlimit lim = {3, 3};
  pid_t p = fork();
  if (p == 0) {
    setuid(65534);
    setrlimit(RLIMIT_SIGPENDING, &lim);
    int sent = 0;
    while (sent < 100 && sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = sent}) == 0) sent++;
    printf("queued %d then %s\n", sent, strerrorname_np(errno));
    _exit(0);
  }
  reap("limit", p);
  return done();
}
