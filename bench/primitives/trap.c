/*
 * What it costs to intercept one system call, by four sequences. Usage: trap SEQUENCE same|cross [COUNT]; prints nanoseconds per call.
 *
 *   native   the host answers: nothing is intercepted
 *   stop     a bare ptrace stop: the program traps by int3, the tracer continues it
 *   sysemu   skas0's: PTRACE_SYSEMU stops before the call, the tracer reads the registers, stores a result, continues
 *   tt       tt mode's: the kernel lives in the address space of each process, so the tracer turns the call into a no-op
 *            (stop at entry, stop at exit), delivers a signal whose handler is the kernel's entry, and the handler, when it is
 *            done, tells the tracer by a signal of its own and returns to the program through rt_sigreturn, which is traced too
 *
 * `same` keeps tracer and program on one CPU, `cross` on two.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif

enum { RESULT = 4242 };

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long guestCall(void) {
  long result = SYS_getppid;
  asm volatile("syscall" : "+a"(result)::"rcx", "r11", "memory");
  return result;
}

/* tt mode: the kernel's entry, in the program's own address space. Stores the result where the program will find it. */
static void kernelEntry(int sig, siginfo_t *info, void *context) {
  (void)sig;
  (void)info;
  ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = RESULT;
  syscall(SYS_kill, getpid(), SIGUSR2);
}

static void program(const char *sequence, long count) {
  ptrace(PTRACE_TRACEME, 0, 0, 0);
  struct sigaction sa = {.sa_sigaction = kernelEntry, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGUSR1, &sa, NULL);
  raise(SIGSTOP);
  long good = 0;
  if (!strcmp(sequence, "stop")) for (long i = 0; i < count; i++) { asm volatile("int3"); good++; }
  else for (long i = 0; i < count; i++) good += guestCall() == RESULT;
  _exit(good == count ? 0 : 1);
}

static int nextStop(pid_t pid) {
  int status;
  if (waitpid(pid, &status, __WALL) != pid) exit(3);
  if (WIFEXITED(status)) return -1;
  return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static void step(pid_t pid, int request, int sig) {
  if (ptrace(request, pid, 0, sig)) { perror("ptrace"); exit(4); }
}

/* Each returns after `count` calls have been served. */
static void serveStops(pid_t pid, long count) {
  for (long i = 0; i < count; i++) {
    step(pid, PTRACE_CONT, 0);
    if (nextStop(pid) != SIGTRAP) exit(5);
  }
}

static void serveSysemu(pid_t pid, long count) {
  struct user_regs_struct regs;
  for (long i = 0; i < count; i++) {
    step(pid, PTRACE_SYSEMU, 0);
    if (nextStop(pid) != SIGTRAP) exit(5);
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    regs.rax = RESULT;
    regs.orig_rax = -1;
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
  }
}

static void serveTt(pid_t pid, long count) {
  struct user_regs_struct regs;
  for (long i = 0; i < count; i++) {
    step(pid, PTRACE_SYSCALL, 0); /* entry of the call */
    if (nextStop(pid) != SIGTRAP) exit(5);
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    regs.orig_rax = SYS_getpid; /* nullified */
    ptrace(PTRACE_SETREGS, pid, 0, &regs);
    step(pid, PTRACE_SYSCALL, 0); /* its exit */
    if (nextStop(pid) != SIGTRAP) exit(5);
    step(pid, PTRACE_CONT, SIGUSR1); /* the host asks once more before it delivers a signal sent from here */
    if (nextStop(pid) != SIGUSR1) exit(6);
    step(pid, PTRACE_CONT, SIGUSR1); /* into the kernel, untraced, until it reports that it is done */
    if (nextStop(pid) != SIGUSR2) exit(7);
    step(pid, PTRACE_SYSCALL, 0); /* back to user mode: rt_sigreturn is traced, entry */
    if (nextStop(pid) != SIGTRAP) exit(5);
    step(pid, PTRACE_SYSCALL, 0); /* and exit */
    if (nextStop(pid) != SIGTRAP) exit(5);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *sequence = argv[1];
  int cross = !strcmp(argv[2], "cross");
  long count = argc > 3 ? atol(argv[3]) : 20000;
  pin(0);
  if (!strcmp(sequence, "native")) {
    double start = now();
    for (long i = 0; i < count; i++) guestCall();
    printf("%.1f\n", (now() - start) / (double)count);
    return 0;
  }
  pid_t pid = fork();
  if (pid == 0) { pin(cross ? 1 : 0); program(sequence, count); }
  if (nextStop(pid) != SIGSTOP) return 3;
  double start = now();
  if (!strcmp(sequence, "stop")) serveStops(pid, count);
  else if (!strcmp(sequence, "sysemu")) serveSysemu(pid, count);
  else serveTt(pid, count);
  double spent = now() - start;
  step(pid, PTRACE_CONT, 0);
  int status;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status)) { fprintf(stderr, "trap: %s: wrong results (%x)\n", sequence, status); return 1; }
  printf("%.1f\n", spent / (double)count);
  return 0;
}
