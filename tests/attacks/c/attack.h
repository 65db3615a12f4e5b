// Shared by the attacks, each of which runs in a process of its own, that is killed when it has not ended after LIMIT_MS. The stub's addresses come from the compiler's command line (programs.ts).
#pragma once
#include "../../guest/c/t.h"
#include <setjmp.h>
#include <ucontext.h>

#ifndef LIMIT_MS
#define LIMIT_MS 20000
#endif

// How a child ended, in words; it and its group are killed when it takes too long ("runs on").
__attribute__((unused)) static const char *await_end(pid_t pid, long limit_ms) {
  static char words[64];
  int status = 0;
  pid_t ended = 0;
  for (double end = nowSeconds() + (double)limit_ms / 1000; ended == 0 && nowSeconds() < end;) {
    ended = waitpid(pid, &status, WNOHANG);
    if (ended == 0) sleepMs(1);
  }
  kill(-pid, SIGKILL); // what it has left behind, too
  if (ended == 0) {
    waitpid(pid, &status, 0);
    return "runs on";
  }
  if (WIFEXITED(status)) snprintf(words, sizeof words, "exited %d", WEXITSTATUS(status));
  else snprintf(words, sizeof words, "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
  return words;
}

// Runs a body in a process (and process group) of its own: how it ended.
#define IN_CHILD(...)             \
  ({                              \
    fflush(stdout);               \
    pid_t child_ = fork();        \
    if (child_ == 0) {            \
      setpgid(0, 0);              \
      __VA_ARGS__;                \
      fflush(stdout);             \
      _exit(0);                   \
    }                             \
    setpgid(child_, child_);      \
    await_end(child_, LIMIT_MS);  \
  })

// Prints the end, for comparison with the native one.
#define CASE(name, ...) printf("%s: %s\n", name, IN_CHILD(__VA_ARGS__))

// For what has one right end that is not the native one.
#define ENDS(name, right, ...)                                                        \
  do {                                                                                \
    const char *end_ = IN_CHILD(__VA_ARGS__);                                         \
    if (strcmp(end_, right) != 0) printf("FAIL %s: %s\n", name, end_), failures++;    \
  } while (0)

// For what may end in several ways, all of them harmless: by any signal, by any exit code but 99 (which says that the attack
// worked), or not at all until it is killed.
#define ANY(name, ...)                                                                                     \
  do {                                                                                                     \
    if (strcmp(IN_CHILD(__VA_ARGS__), "exited 99") == 0) printf("FAIL %s: the attack worked\n", name), failures++; \
  } while (0)

// Arguments of an attack with more cases than there is time for: a seed for their order, and the seconds that it may take.
typedef struct { unsigned long count, step, next, tried; double over; } cases_t;
__attribute__((unused)) static cases_t cases_of(unsigned long count, int argc, char **argv) {
  unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
  double seconds = argc > 2 ? strtod(argv[2], NULL) : 1e9;
  unsigned long step = 2654435761ul; // a prime: the steps go past all cases before they come back
  return (cases_t){.count = count, .step = step % count ? step : 1, .next = seed % count, .over = nowSeconds() + seconds};
}
// The next case, or -1.
__attribute__((unused)) static long next_case(cases_t *c) {
  if (c->tried == c->count || nowSeconds() > c->over) return -1;
  c->tried++;
  c->next = (c->next + c->step) % c->count;
  return (long)c->next;
}

// Executable, writable memory.
__attribute__((unused)) static unsigned char *code_page(void *where, size_t length) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | (where ? MAP_FIXED : 0);
  void *page = mmap(where, length, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0);
  return page == MAP_FAILED ? NULL : page;
}

// Runs `attempt` and comes back from whatever signal it raises: the signal, or 0.
static sigjmp_buf back_;
static volatile sig_atomic_t trying_;
__attribute__((unused)) static void come_back(int signal) {
  if (!trying_ && signal == SIGALRM) return;
  if (!trying_) _exit(98);
  trying_ = 0;
  siglongjmp(back_, signal);
}
__attribute__((unused)) static void catch_all(void) {
  static char stack[65536];
  stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&ss, NULL);
  struct sigaction sa = {.sa_handler = come_back, .sa_flags = SA_ONSTACK | SA_NODEFER};
  int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGALRM};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &sa, NULL);
}
#define TRY(...)                                    \
  ({                                                \
    int signal_ = sigsetjmp(back_, 1);              \
    if (signal_ == 0) {                             \
      trying_ = 1;                                  \
      __VA_ARGS__;                                  \
      trying_ = 0;                                  \
    }                                               \
    signal_;                                        \
  })
