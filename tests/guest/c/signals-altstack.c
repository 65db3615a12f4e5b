// sigaltstack: where handlers run, SS_ONSTACK, EPERM while on it, stack overflow caught on it, ucontext's copy, SS_AUTODISARM.
#include "t.h"
#include <ucontext.h>
static char *alt;
static const size_t altSize = 128 * 1024;
static bool onAlt(void *p) { return (char *)p >= alt && (char *)p < alt + altSize; }
static volatile int sawAlt, sawFlags, sawPerm, ucFlags;
static void handler(int s, siginfo_t *i, void *c) {
  (void)s; (void)i;
  char here;
  sawAlt = onAlt(&here);
  stack_t ss;
  sigaltstack(NULL, &ss);
  sawFlags = ss.ss_flags;
  stack_t off = {.ss_flags = SS_DISABLE};
  sawPerm = sigaltstack(&off, NULL) == -1 ? errno : 0;
  ucFlags = ((ucontext_t *)c)->uc_stack.ss_size == altSize;
}
static sigjmp_buf env;
static volatile int overflowAlt, overflowCode;
static void onOverflow(int s, siginfo_t *i, void *c) {
  (void)s; (void)c;
  char here;
  overflowAlt = onAlt(&here);
  overflowCode = i->si_code;
  siglongjmp(env, 1);
}
static int recurse(int n) {
  volatile char pad[4096];
  pad[0] = (char)n;
  pad[4095] = (char)n;
  return recurse(n + 1) + pad[0] + pad[4095];
}
int main(void) {
  alt = malloc(altSize);
  stack_t ss = {.ss_sp = alt, .ss_size = 100};
  R(sigaltstack(&ss, NULL));
  ss.ss_size = altSize;
  ss.ss_flags = 0x1234;
  R(sigaltstack(&ss, NULL));
  ss.ss_flags = 0;
  R(sigaltstack(&ss, NULL));
  stack_t now;
  sigaltstack(NULL, &now);
  printf("set: sp ok %d size ok %d flags %d\n", now.ss_sp == alt, now.ss_size == altSize, now.ss_flags);
  R(sigaltstack((void *)8, NULL));
  R(sigaltstack(NULL, (void *)8));

  struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  printf("without SA_ONSTACK: on alt %d flags %d errno %d uc %d\n", sawAlt, sawFlags, sawPerm, ucFlags);
  sigaltstack(&ss, NULL);
  sa.sa_flags |= SA_ONSTACK;
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  printf("with SA_ONSTACK: on alt %d flags %d perm %d uc %d\n", sawAlt, sawFlags, sawPerm == EPERM, ucFlags);
  sigaltstack(NULL, &now);
  printf("after: flags %d\n", now.ss_flags);

  // Overflow of the main stack, three times, caught on the alternate one.
  struct rlimit lim = {1 << 20, 1 << 20};
  setrlimit(RLIMIT_STACK, &lim);
  sa = (struct sigaction){.sa_sigaction = onOverflow, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &sa, NULL);
  for (int i = 0; i < 3; i++) {
    if (sigsetjmp(env, 1) == 0) recurse(0);
    printf("overflow caught: on alt %d code %d\n", overflowAlt, overflowCode);
  }
  // Without an alternate stack an overflow kills.
  pid_t p = fork();
  if (p == 0) {
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    recurse(0);
  }
  reap("no alternate stack", p);
  // SS_AUTODISARM: the stack is disarmed inside of the handler.
  ss.ss_flags = 1U << 31;
  R(sigaltstack(&ss, NULL));
  sa = (struct sigaction){.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGUSR1);
  printf("AUTODISARM: on alt %d disabled inside %d\n", sawAlt, sawFlags == SS_DISABLE);
  sigaltstack(NULL, &now);
  printf("restored after %d\n", now.ss_sp == alt);
  return done();
}
