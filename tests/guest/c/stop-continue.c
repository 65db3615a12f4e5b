// Stop and continue: WUNTRACED, WCONTINUED, waitid codes, SIGCHLD on stop, SA_NOCLDSTOP, SIGCONT discards stops, SIGKILL ends a stopped one.
#include "t.h"
static volatile int chld;
static void onChld(int s) { (void)s; chld++; }
static void onCont(int s) { (void)s; write(1, "child: SIGCONT handler\n", 23); }
static pid_t spin(void) {
  pid_t p = fork();
  if (p == 0) { signal(SIGCHLD, SIG_DFL); for (;;) pause(); }
  return p;
}
int main(void) {
  int st;
  signal(SIGCHLD, onChld);
  int stops[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
  // Not an orphaned group, or terminal stops are ignored: a parent in another group of the session, and it is not init.
  for (int level = 0; level < 2; level++) {
    pid_t child = fork();
    if (child == 0) continue;
    waitpid(child, &st, 0);
    return WIFEXITED(st) ? WEXITSTATUS(st) : 1;
  }
  setpgid(0, 0);
  for (int i = 0; i < 4; i++) {
    pid_t p = spin();
    kill(p, stops[i]);
    OK(waitpid(p, &st, WUNTRACED) == p);
    printf("stopped %d by SIG%s\n", WIFSTOPPED(st), WIFSTOPPED(st) ? sigabbrev_np(WSTOPSIG(st)) : "-");
    R(waitpid(p, &st, WUNTRACED | WNOHANG));
    kill(p, SIGCONT);
    OK(waitpid(p, &st, WCONTINUED) == p);
    printf("continued %d status %x\n", WIFCONTINUED(st), (unsigned)st);
    R(waitpid(p, &st, WUNTRACED | WCONTINUED | WNOHANG));
    kill(p, SIGTERM);
    reap("then", p);
  }
  printf("SIGCHLD seen %d\n", chld >= 4);
  siginfo_t i;
  pid_t p = spin();
  kill(p, SIGSTOP);
  memset(&i, 0, sizeof i);
  OK(waitid(P_PID, p, &i, WSTOPPED | WNOWAIT) == 0);
  printf("waitid stopped: code %d status %d\n", i.si_code, i.si_status);
  OK(waitid(P_PID, p, &i, WSTOPPED) == 0);
  kill(p, SIGUSR1);
  sleepMs(30);
  R(waitpid(p, &st, WNOHANG));
  kill(p, SIGCONT);
  reap("queued signal after continue", p);
  p = spin();
  kill(p, SIGSTOP);
  waitpid(p, &st, WUNTRACED);
  kill(p, SIGKILL);
  reap("SIGKILL ends a stopped process", p);
  p = fork();
  if (p == 0) { signal(SIGCONT, onCont); raise(SIGSTOP); _exit(6); }
  waitpid(p, &st, WUNTRACED);
  kill(p, SIGCONT);
  reap("handler of SIGCONT", p);
  // SIGTSTP with a handler does not stop; SIGSTOP cannot be caught.
  p = fork();
  if (p == 0) { signal(SIGTSTP, onChld); raise(SIGTSTP); _exit(chld ? 8 : 9); }
  reap("caught SIGTSTP", p);
  // SIGCONT removes pending stops, a stop removes a pending SIGCONT.
  p = fork();
  if (p == 0) {
    sigset_t m, q;
    sigfillset(&m);
    sigprocmask(SIG_SETMASK, &m, NULL);
    raise(SIGTSTP);
    sigpending(&q);
    printf("TSTP pending %d\n", sigismember(&q, SIGTSTP));
    raise(SIGCONT);
    sigpending(&q);
    printf("after CONT: TSTP %d CONT %d\n", sigismember(&q, SIGTSTP), sigismember(&q, SIGCONT));
    raise(SIGTSTP);
    sigpending(&q);
    printf("after TSTP: TSTP %d CONT %d\n", sigismember(&q, SIGTSTP), sigismember(&q, SIGCONT));
    _exit(0);
  }
  reap("pending pair", p);
  // An orphaned process group ignores SIGTSTP's default.
  p = fork();
  if (p == 0) { setsid(); raise(SIGTSTP); _exit(11); }
  reap("orphaned group", p);
  // SA_NOCLDSTOP.
  struct sigaction sa = {.sa_handler = onChld, .sa_flags = SA_NOCLDSTOP};
  sigaction(SIGCHLD, &sa, NULL);
  chld = 0;
  p = spin();
  kill(p, SIGSTOP);
  waitpid(p, &st, WUNTRACED);
  printf("NOCLDSTOP: %d\n", chld);
  kill(p, SIGKILL);
  waitpid(p, &st, 0);
  printf("then %d\n", chld);
  return done();
}
