// Process groups, sessions, kill to groups, orphan reparenting, subreaper, PDEATHSIG, wait by group.
#include "t.h"
static volatile int got;
static void handler(int s) { got = s; }
int main(void) {
  int st, p[2];
  pid_t c = fork();
  if (c == 0) {
    R(setsid() == getpid());
    R(getsid(0) == getpid() && getpgrp() == getpid());
    R(setsid());
    R(setpgid(0, 0));
    _exit(0);
  }
  reap("session", c);
  pipe(p);
  c = fork();
  if (c == 0) { char x; close(p[1]); read(p[0], &x, 1); _exit(0); }
  R(setpgid(c, c));
  R(getpgid(c) == c);
  R(setpgid(c, getpgrp()));
  R(setpgid(c, 0x7ffff));
  R(setpgid(-1, 0));
  R(setpgid(0x7ffff, 0));
  R(getpgid(0x7ffff));
  R(getsid(0x7ffff));
  close(p[1]);
  reap("child", c);
  // kill of a group; waitpid of a group.
  pid_t first = 0, kids[3];
  for (int i = 0; i < 3; i++) {
    kids[i] = fork();
    if (kids[i] == 0) for (;;) pause();
    if (i == 0) first = kids[0];
    OK(setpgid(kids[i], first) == 0);
  }
  R(waitpid(-first, &st, WNOHANG));
  R(kill(-first, 0));
  R(killpg(first, SIGTERM));
  int n = 0;
  while (waitpid(-first, &st, 0) > 0) n += WTERMSIG(st) == SIGTERM;
  printf("group members ended %d\n", n);
  R(kill(-first, 0));
  R(killpg(first, SIGTERM));
  signal(SIGUSR1, handler);
  setpgid(0, 0);
  R(kill(0, SIGUSR1));
  printf("own group got %d\n", got == SIGUSR1);
  // After exec a child cannot be moved.
  pipe2(p, O_CLOEXEC);
  c = fork();
  if (c == 0) { execl("/bin/sleep", "sleep", "5", NULL); _exit(1); }
  char x;
  close(p[1]);
  read(p[0], &x, 1);
  R(setpgid(c, c));
  kill(c, SIGKILL);
  waitpid(c, NULL, 0);
  // Orphans go to the subreaper.
  R(prctl(PR_SET_CHILD_SUBREAPER, 1));
  int sub = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &sub);
  pid_t me = getpid();
  c = fork();
  if (c == 0) {
    pid_t g = fork();
    if (g == 0) { while (getppid() != me) sleepMs(1); _exit(77); }
    _exit(0);
  }
  reap("middle", c);
  c = wait(&st);
  printf("subreaper %d got the orphan: status %d\n", sub, WEXITSTATUS(st));
  R(prctl(PR_SET_CHILD_SUBREAPER, 0));
  // Parent death signal.
  int q[2];
  pipe(q);
  c = fork();
  if (c == 0) {
    if (fork() == 0) {
      signal(SIGUSR2, handler);
      prctl(PR_SET_PDEATHSIG, SIGUSR2);
      int sig = 0;
      prctl(PR_GET_PDEATHSIG, &sig);
      close(q[0]);
      write(q[1], sig == SIGUSR2 ? "r" : "?", 1);
      while (got != SIGUSR2) sleepMs(1);
      write(q[1], "d", 1);
      _exit(0);
    }
    char r;
    read(q[0], &r, 1);
    printf("ready %c\n", r);
    _exit(0);
  }
  close(q[1]);
  waitpid(c, NULL, 0);
  x = '-';
  read(q[0], &x, 1);
  printf("death signal seen %c\n", x);
  // A newly orphaned stopped group gets SIGHUP and SIGCONT.
  pipe(q);
  c = fork();
  if (c == 0) {
    setsid();
    pid_t k = fork();
    if (k == 0) { setpgid(0, 0); signal(SIGHUP, handler); raise(SIGSTOP); sleepMs(10); write(q[1], got == SIGHUP ? "H" : "n", 1); _exit(0); }
    waitpid(k, &st, WUNTRACED);
    _exit(0);
  }
  close(q[1]);
  waitpid(c, NULL, 0);
  x = '-';
  read(q[0], &x, 1);
  printf("orphaned stopped group %c\n", x);
  // A group that has been orphaned all the time does not notice the end of another member; one whose last outside parent goes does.
  c = fork();
  if (c == 0) {
    setsid();
    pid_t k = fork();
    if (k == 0) { signal(SIGHUP, handler); raise(SIGSTOP); _exit(got == SIGHUP ? 1 : 2); }
    waitpid(k, &st, WUNTRACED);
    if (fork() == 0) _exit(0);
    wait(&st);
    kill(k, SIGCONT);
    waitpid(k, &st, 0);
    _exit(WEXITSTATUS(st));
  }
  reap("orphaned before", c);
  pipe(q);
  c = fork();
  if (c == 0) {
    setsid();
    pid_t k = fork();
    if (k == 0) {
      setpgid(0, 0);
      pid_t m = fork();
      if (m == 0) { signal(SIGHUP, handler); raise(SIGSTOP); sleepMs(10); write(q[1], got == SIGHUP ? "H" : "n", 1); _exit(0); }
      waitpid(m, &st, WUNTRACED);
      _exit(0);
    }
    waitpid(k, &st, 0);
    close(q[1]);
    x = '-';
    read(q[0], &x, 1);
    _exit(x);
  }
  close(q[1]);
  reap("orphaned by a member", c);
  return done();
}
