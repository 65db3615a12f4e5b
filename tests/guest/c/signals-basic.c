// Handlers, masks, nesting, SA_NODEFER, SA_RESETHAND, SA_SIGINFO contents, pending, sigsuspend, kill and tgkill errors.
#include "t.h"
static volatile int depth, maxDepth, count;
static char log_[200];
static void note(const char *s) { strcat(log_, s); }
static void plain(int s) { count++; (void)s; }
static void nested(int s) {
  depth++;
  if (depth > maxDepth) maxDepth = depth;
  if (count++ < 3) raise(s);
  depth--;
}
static void usr1(int s) { (void)s; note("1("); raise(SIGUSR2); note("1)"); }
static void usr2(int s) { (void)s; note("2"); }
static siginfo_t got;
static void info(int s, siginfo_t *i, void *c) { (void)s; (void)c; got = *i; }
int main(void) {
  signal(SIGUSR1, plain);
  R(raise(SIGUSR1));
  printf("count %d\n", count);

  struct sigaction sa = {.sa_handler = nested};
  sigaction(SIGUSR1, &sa, NULL);
  count = 0;
  raise(SIGUSR1);
  printf("without NODEFER depth %d count %d\n", maxDepth, count);
  sa.sa_flags = SA_NODEFER;
  sigaction(SIGUSR1, &sa, NULL);
  count = maxDepth = 0;
  raise(SIGUSR1);
  printf("with NODEFER depth %d count %d\n", maxDepth, count);

  signal(SIGUSR1, usr1);
  signal(SIGUSR2, usr2);
  raise(SIGUSR1);
  printf("nested other: %s\n", log_);
  log_[0] = 0;
  sa = (struct sigaction){.sa_handler = usr1};
  sigaddset(&sa.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  printf("masked in handler: %s\n", log_);

  sa = (struct sigaction){.sa_handler = plain, .sa_flags = SA_RESETHAND};
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  sigaction(SIGUSR1, NULL, &sa);
  printf("RESETHAND left default %d\n", sa.sa_handler == SIG_DFL);

  sa = (struct sigaction){.sa_sigaction = info, .sa_flags = SA_SIGINFO};
  for (int s = 1; s < 32; s++) if (s != SIGKILL && s != SIGSTOP) OK(sigaction(s, &sa, NULL) == 0);
  for (int s = SIGRTMIN; s <= SIGRTMAX; s++) OK(sigaction(s, &sa, NULL) == 0);
  R(sigaction(SIGKILL, &sa, NULL));
  R(sigaction(SIGSTOP, &sa, NULL));
  R(sigaction(0, &sa, NULL));
  R(sigaction(65, &sa, NULL));
  R(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
  kill(getpid(), SIGUSR1);
  printf("kill: signo %d code %d pid ok %d uid ok %d\n", got.si_signo, got.si_code, got.si_pid == getpid(), got.si_uid == getuid());
  raise(SIGUSR1);
  printf("raise: code %d\n", got.si_code);
  union sigval v = {.sival_int = 4242};
  sigqueue(getpid(), SIGUSR2, v);
  printf("sigqueue: code %d value %d\n", got.si_code, got.si_value.sival_int);
  for (int s = 1; s < 65; s++) {
    if (s == SIGKILL || s == SIGSTOP || s == 32 || s == 33) continue;
    memset(&got, 0, sizeof got);
    kill(getpid(), s);
    OK(got.si_signo == s);
  }

  // Pending and blocking.
  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, &old);
  memset(&got, 0, sizeof got);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGUSR1);
  printf("blocked, delivered %d\n", got.si_signo);
  sigpending(&pending);
  printf("pending USR1 %d USR2 %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
  signal(SIGUSR1, plain);
  count = 0;
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("delivered once: %d\n", count);
  R(sigprocmask(99, &set, NULL));
  R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8));
  R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, (void *)8, 8));
  R(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 16));
  // Ignored while blocked is dropped; SIGKILL cannot be blocked.
  sigfillset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
  sigprocmask(SIG_SETMASK, NULL, &set);
  printf("KILL blocked %d STOP blocked %d TERM blocked %d\n", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP), sigismember(&set, SIGTERM));
  sigprocmask(SIG_SETMASK, &old, NULL);

  // sigsuspend swaps the mask and returns EINTR with the old one back.
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  kill(getpid(), SIGUSR1);
  sigset_t none;
  sigemptyset(&none);
  count = 0;
  R(sigsuspend(&none));
  printf("sigsuspend ran %d\n", count);
  sigprocmask(SIG_SETMASK, NULL, &set);
  printf("USR1 blocked again %d\n", sigismember(&set, SIGUSR1));
  sigprocmask(SIG_SETMASK, &old, NULL);

  R(kill(getpid(), 0));
  R(kill(getpid(), 65));
  R(kill(getpid(), -1));
  R(kill(0x7fffff, 0));
  R(syscall(SYS_tgkill, getpid(), getpid(), 0));
  R(syscall(SYS_tgkill, getpid(), 0x7fffff, 0));
  R(syscall(SYS_tgkill, -1, getpid(), 0));
  R(syscall(SYS_tkill, 0, 0));
  siginfo_t forged = {.si_code = SI_USER};
  R(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &forged));
  signal(SIGUSR1, SIG_IGN);
  raise(SIGUSR1);
  R(pause == NULL);
  // A child interrupts pause.
  signal(SIGUSR1, plain);
  pid_t me = getpid(), c = fork();
  if (c == 0) { sleepMs(30); for (int i = 0; i < 50; i++) { if (kill(me, SIGUSR1)) break; sleepMs(10); } _exit(0); }
  R(pause());
  kill(c, SIGKILL);
  waitpid(c, NULL, 0);
  return done();
}
