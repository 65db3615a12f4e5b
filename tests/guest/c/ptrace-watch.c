// Debug registers of a tracee: watching for writes and for execution, through calls, handlers and forks; what they refuse.
#include "t.h"
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define DR(n) offsetof(struct user, u_debugreg[n])
static volatile long word, other;
static volatile char *volatile late;
static pid_t p;

__attribute__((noinline)) static void reached(int n) { other += n; }
static void onUsr1(int n) { word = 30 + (n == SIGUSR1); }

static void tracee(void) {
  struct timespec t = {0, 1};
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  raise(SIGSTOP);
  for (int i = 0; i < 1000; i++) other += i;
  word = 1;
  reached(1);
  nanosleep(&t, NULL);
  word = 2;
  // By the kernel's hand and by a handler.
  signal(SIGUSR1, onUsr1);
  raise(SIGUSR1);
  pid_t q = fork();
  if (q == 0) {
    word = 99;
    _exit(7);
  }
  int status = 0;
  waitpid(q, &status, 0);
  ((volatile char *)&word)[5] = 1;
  reached(2);
  _exit(WEXITSTATUS(status));
}

static int next(const char *what, int request) {
  int status = 0;
  ptrace(request, p, 0, 0);
  OK(waitpid(p, &status, 0) == p);
  if (WIFEXITED(status)) { printf("%s: exited %d\n", what, WEXITSTATUS(status)); return 0; }
  siginfo_t info;
  OK(ptrace(PTRACE_GETSIGINFO, p, 0, &info) == 0);
  long dr6 = ptrace(PTRACE_PEEKUSER, p, DR(6), 0), value = ptrace(PTRACE_PEEKDATA, p, &word, 0);
  printf("%s: SIG%s code %d dr6 %lx word %ld\n", what, sigabbrev_np(WSTOPSIG(status)), info.si_code, dr6 & 0x400f, value & 0xff);
  OK(ptrace(PTRACE_POKEUSER, p, DR(6), 0) == 0);
  return WSTOPSIG(status);
}
static void poke(const char *what, int n, unsigned long value) {
  long r = ptrace(PTRACE_POKEUSER, p, DR(n), value);
  const char *error = r ? strerrorname_np(errno) : "0";
  printf("%s: %s reads %d\n", what, error, (unsigned long)ptrace(PTRACE_PEEKUSER, p, DR(n), 0) == value);
}

int main(void) {
  int status;
  fflush(stdout);
  p = fork();
  if (p == 0) tracee();
  OK(waitpid(p, &status, 0) == p);
  poke("kernel address", 0, 0xffff800000000000);
  poke("address", 0, (unsigned long)&word);
  poke("register 4", 4, 1);
  poke("register 5", 5, 1);
  // Eight bytes of writes, locally on: length 2, kind 1.
  poke("input and output", 7, 1 | 2 << 16);
  poke("long execution", 7, 1 | 3 << 18);
  poke("watch", 7, 1 | 1 << 16 | 2 << 18);
  poke("not aligned", 0, (unsigned long)&word + 1);
  poke("aligned again", 0, (unsigned long)&word);
  next("first write", PTRACE_CONT);
  // And a function, by the second register.
  poke("function", 1, (unsigned long)reached);
  poke("both", 7, 5 | 1 << 16 | 2 << 18);
  next("function", PTRACE_CONT);
  next("a step", PTRACE_SINGLESTEP);
  poke("one", 7, 1 | 1 << 16 | 2 << 18);
  next("second write", PTRACE_CONT);
  OK(next("signal", PTRACE_CONT) == SIGUSR1);
  ptrace(PTRACE_CONT, p, 0, SIGUSR1);
  waitpid(p, &status, 0);
  printf("in the handler: SIG%s word %ld\n", sigabbrev_np(WSTOPSIG(status)), ptrace(PTRACE_PEEKDATA, p, &word, 0));
  ptrace(PTRACE_POKEUSER, p, DR(6), 0);
  OK(next("child ended", PTRACE_CONT) == SIGCHLD);
  next("one byte", PTRACE_CONT);
  poke("off", 7, 0);
  next("the end", PTRACE_CONT);
  return done();
}
