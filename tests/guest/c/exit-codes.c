// Exit statuses and wait statuses: exit, _exit, exit_group, signals, core flag off, atexit.
#include "t.h"
static void bye(void) { printf("atexit ran\n"); }
int main(void) {
  int codes[] = {0, 1, 42, 127, 128, 255, 256, -1};
  for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++) {
    pid_t p = fork();
    if (p == 0) _exit(codes[i]);
    reap("_exit", p);
  }
  pid_t p = fork();
  if (p == 0) { atexit(bye); exit(3); }
  reap("exit", p);
  p = fork();
  if (p == 0) syscall(SYS_exit, 7);
  reap("SYS_exit", p);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGKILL, SIGSEGV, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGBUS, SIGSYS, SIGXCPU};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
    p = fork();
    if (p == 0) { kill(getpid(), signals[i]); _exit(99); }
    int status = reap("kill", p);
    OK(!WCOREDUMP(status));
  }
  int ignored[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
  for (unsigned i = 0; i < sizeof ignored / sizeof *ignored; i++) {
    p = fork();
    if (p == 0) { kill(getpid(), ignored[i]); _exit(5); }
    reap("ignored", p);
  }
  p = fork();
  if (p == 0) { kill(getpid(), SIGRTMIN + 3); _exit(99); }
  int status;
  waitpid(p, &status, 0);
  printf("RT signal: %d %d\n", WIFSIGNALED(status), WTERMSIG(status) == SIGRTMIN + 3);
  p = fork();
  if (p == 0) abort();
  reap("abort", p);
  return done();
}
