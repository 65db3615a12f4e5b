// Shared by the guest programs: R(call) prints the call and its result or errno name, OK(condition) prints only a failure.
// Output must not depend on pids, addresses, times or the machine: the same program runs natively and under skas.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures;

#define OK(condition)                                                                             \
  do {                                                                                            \
    if (!(condition)) {                                                                           \
      int saved_ = errno;                                                                         \
      printf("FAIL line %d: %s (errno %s)\n", __LINE__, #condition, saved_ ? strerrorname_np(saved_) : "0"); \
      fflush(stdout);                                                                             \
      failures++;                                                                                 \
    }                                                                                             \
  } while (0)

static long show(const char *what, long result) {
  int saved = errno;
  if (result == -1) printf("%s = -1 %s\n", what, strerrorname_np(saved));
  else printf("%s = %ld\n", what, result);
  fflush(stdout);
  errno = saved;
  return result;
}

// The call as written, and its number or errno. For results that are the same everywhere.
#define R(call) (errno = 0, show(#call, (long)(call)))
// As R, but prints only whether it succeeded: for descriptors, pids and addresses.
#define S(call) (errno = 0, show(#call, (long)(call) == -1 ? -1 : 0))

__attribute__((constructor)) static void lineBuffered(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

__attribute__((unused)) static double nowSeconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((unused)) static void sleepMs(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&t, &t) == -1 && errno == EINTR) continue;
}

// Waits for `pid` and prints how it ended.
__attribute__((unused)) static int reap(const char *what, pid_t pid) {
  int status = -1;
  pid_t got = waitpid(pid, &status, 0);
  if (got != pid) printf("%s: waitpid -> %s\n", what, got < 0 ? strerrorname_np(errno) : "other pid");
  else if (WIFEXITED(status)) printf("%s: exited %d\n", what, WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) printf("%s: killed by SIG%s\n", what, sigabbrev_np(WTERMSIG(status)));
  else printf("%s: status %x\n", what, (unsigned)status);
  fflush(stdout);
  return status;
}

static int done(void) {
  printf(failures ? "%d FAILED\n" : "done\n", failures);
  fflush(stdout);
  return failures != 0;
}
