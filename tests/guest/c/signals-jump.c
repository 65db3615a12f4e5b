// siglongjmp out of handlers, many times; from nested ones; from the alternate stack; masks come back.
#include "t.h"
static sigjmp_buf env;
static volatile int jumps;
static void handler(int s) { (void)s; jumps++; siglongjmp(env, 1); }
static jmp_buf plain;
static void plainHandler(int s) { (void)s; longjmp(plain, 1); }
static void outer(int s) { (void)s; raise(SIGUSR2); }
int main(void) {
  signal(SIGUSR1, handler);
  signal(SIGSEGV, handler);
  sigset_t m;
  for (volatile int i = 0; i < 1000; i++)
    if (sigsetjmp(env, 1) == 0) { if (i & 1) raise(SIGUSR1); else *(volatile int *)0 = 1; }
  printf("jumps %d\n", jumps);
  sigprocmask(SIG_SETMASK, NULL, &m);
  printf("blocked after %d\n", sigismember(&m, SIGUSR1));
  // longjmp without the mask leaves it blocked, as in Linux with setjmp of glibc.
  signal(SIGUSR2, plainHandler);
  if (setjmp(plain) == 0) raise(SIGUSR2);
  sigprocmask(SIG_SETMASK, NULL, &m);
  printf("blocked after longjmp %d\n", sigismember(&m, SIGUSR2));
  sigemptyset(&m);
  sigprocmask(SIG_SETMASK, &m, NULL);
  signal(SIGUSR1, outer);
  signal(SIGUSR2, handler);
  jumps = 0;
  for (volatile int i = 0; i < 100; i++) if (sigsetjmp(env, 1) == 0) raise(SIGUSR1);
  printf("nested jumps %d\n", jumps);
  stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&ss, NULL);
  struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR2, &sa, NULL);
  jumps = 0;
  for (volatile int i = 0; i < 100; i++) if (sigsetjmp(env, 1) == 0) raise(SIGUSR2);
  stack_t now;
  sigaltstack(NULL, &now);
  printf("alternate stack jumps %d flags %d\n", jumps, now.ss_flags);
  // A timer that jumps out of a busy loop.
  signal(SIGALRM, handler);
  jumps = 0;
  for (volatile int i = 0; i < 5; i++) {
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 5000}}, NULL);
    if (sigsetjmp(env, 1) == 0) for (;;) continue;
  }
  printf("loops left %d\n", jumps);
  return done();
}
