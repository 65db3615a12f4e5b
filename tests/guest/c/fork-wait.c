// fork, wait4, waitid, WNOHANG, WNOWAIT, ECHILD, memory is a copy, descriptors are shared, SIGCHLD contents.
#include "t.h"
static volatile sig_atomic_t chldCode, chldStatus, chldPid;
static void onChld(int s, siginfo_t *i, void *c) { (void)s; (void)c; chldCode = i->si_code; chldStatus = i->si_status; chldPid = i->si_pid; }
static int global = 1;
int main(void) {
  R(waitpid(-1, NULL, 0));
  R(waitpid(-1, NULL, WNOHANG));
  R(waitpid(getpid(), NULL, 0));
  R(waitpid(-1, NULL, 0x1000));
  int local = 1, *heap = malloc(4);
  *heap = 1;
  pid_t p = fork();
  if (p == 0) { global = local = *heap = 2; _exit(global + local + *heap); }
  reap("child sees its own copy", p);
  printf("parent %d %d %d\n", global, local, *heap);

  int fds[2];
  OK(pipe(fds) == 0);
  p = fork();
  if (p == 0) { char c; close(fds[1]); read(fds[0], &c, 1); _exit(c); }
  R(waitpid(p, NULL, WNOHANG));
  write(fds[1], "A", 1);
  siginfo_t info;
  memset(&info, 0, sizeof info);
  R(waitid(P_PID, p, &info, WEXITED | WNOWAIT));
  printf("waitid: pid ok %d code %d status %d signo %d uid ok %d\n", info.si_pid == p, info.si_code, info.si_status, info.si_signo, info.si_uid == getuid());
  R(waitid(P_PID, p, &info, WEXITED) == 0 && info.si_pid == p);
  R(waitid(P_PID, p, &info, WEXITED));
  R(waitid(P_PID, p, &info, 0));
  R(waitid(77, p, &info, WEXITED));

  pid_t kids[20];
  for (int i = 0; i < 20; i++) if ((kids[i] = fork()) == 0) _exit(i);
  int sum = 0, status;
  for (int i = 0; i < 20; i++) { OK(wait(&status) > 0); sum += WEXITSTATUS(status); }
  printf("sum %d\n", sum);
  R(wait(NULL));

  struct sigaction sa = {.sa_sigaction = onChld, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &sa, NULL);
  p = fork();
  if (p == 0) _exit(17);
  reap("with handler", p);
  printf("SIGCHLD code %d status %d pid ok %d\n", (int)chldCode, (int)chldStatus, chldPid == p);
  p = fork();
  if (p == 0) { raise(SIGKILL); }
  reap("with handler", p);
  printf("SIGCHLD code %d status %d\n", (int)chldCode, (int)chldStatus);

  // Ignored SIGCHLD: no zombies, wait blocks until all are gone, then ECHILD.
  signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < 3; i++) if (fork() == 0) _exit(i);
  R(wait(&status));
  signal(SIGCHLD, SIG_DFL);
  sa = (struct sigaction){.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
  sigaction(SIGCHLD, &sa, NULL);
  if (fork() == 0) _exit(1);
  R(wait(&status));
  sa.sa_flags = 0;
  sigaction(SIGCHLD, &sa, NULL);

  // A deep chain: each child forks the next and adds one.
  p = fork();
  if (p == 0) {
    int depth = 0;
    while (depth < 30) { pid_t q = fork(); if (q == 0) { depth++; continue; } waitpid(q, &status, 0); _exit(WEXITSTATUS(status) + 1); }
    _exit(0);
  }
  reap("chain", p);
  struct rusage use;
  p = fork();
  if (p == 0) _exit(0);
  OK(wait4(p, NULL, 0, &use) == p);
  OK(use.ru_maxrss > 0);
  R(wait4(-1, NULL, 0, (void *)1));
  return done();
}
