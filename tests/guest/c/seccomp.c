// guest: needs=root
// seccomp: strict mode, what makes a filter valid, every action, stacking, inheritance over fork and exec, all threads at once, the tracer's say.
#include "t.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#define LD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(value) BPF_STMT(BPF_RET | BPF_K, value)
#define JEQ(value, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, t, f)
#include <stddef.h>

static long install(struct sock_filter *f, int n, int flags) {
  struct sock_fprog p = {n, f};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}
#define INSTALL(...) ({ struct sock_filter f_[] = {__VA_ARGS__}; install(f_, sizeof f_ / sizeof *f_, 0); })
// One call gets `action`, all others are allowed.
#define ONE(nr_, action) INSTALL(LD(nr), JEQ(nr_, 0, 1), RET(action), RET(SECCOMP_RET_ALLOW))

static void in(const char *what, void (*body)(void)) {
  pid_t p = fork();
  if (p == 0) { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); body(); _exit(0); }
  reap(what, p);
}

static void strictOk(void) { R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)); write(1, "allowed\n", 8); syscall(SYS_exit, 3); }
static void strictKill(void) { syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0); getppid(); }

static void validity(void) {
  R(INSTALL(RET(SECCOMP_RET_ALLOW)));
  R(prctl(PR_GET_SECCOMP));
  R(INSTALL(LD(nr)));                                                     // no return
  R(INSTALL(JEQ(1, 1, 0), RET(SECCOMP_RET_ALLOW)));                       // jump outside
  R(INSTALL(BPF_STMT(BPF_JMP | BPF_JA, 1), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_LD | BPF_MEM, 16), RET(SECCOMP_RET_ALLOW)));
  R(INSTALL(BPF_STMT(BPF_LD | BPF_MEM, 3), RET(SECCOMP_RET_ALLOW)));      // never stored
  R(INSTALL(JEQ(0, 0, 1), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), RET(SECCOMP_RET_ALLOW)));  // not on each path
  R(INSTALL(BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), RET(SECCOMP_RET_ALLOW)));
  R(install(NULL, 0, 0));
  R(install(NULL, 1, 0));
  R(install(NULL, 5000, 0));
  R(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x1000, NULL));
  R(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0));
  R(syscall(SYS_seccomp, 99, 0, 0));
  unsigned action = SECCOMP_RET_TRAP, none = 0x12340000;
  R(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
  R(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &none));
  struct sock_filter many[4096];
  for (int i = 0; i < 4096; i++) many[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
  int n = 0;
  while (install(many, 4096, 0) == 0) n++;
  printf("some large ones %d, then %s\n", n > 0 && n < 9, strerrorname_np(errno));
}

static void withoutRight(void) {
  setresuid(12345, 12345, 12345);
  R(INSTALL(RET(SECCOMP_RET_ALLOW)));
  R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  R(INSTALL(RET(SECCOMP_RET_ALLOW)));
}

static void errnos(void) {
  R(ONE(SYS_getpgid, SECCOMP_RET_ERRNO | ENOTNAM));
  R(getpgid(0));
  // The strictest answer counts, whatever the order.
  R(ONE(SYS_getpgid, SECCOMP_RET_ALLOW));
  R(getpgid(0));
  R(ONE(SYS_getsid, SECCOMP_RET_ERRNO | 0));
  R(getsid(0));
  R(ONE(SYS_getpgrp, SECCOMP_RET_ERRNO | 0xffff));
  R(syscall(SYS_getpgrp) == -1 && errno == 4095);
  // By argument: close(77) and nothing else.
  R(INSTALL(LD(nr), JEQ(SYS_close, 0, 3), LD(args[0]), JEQ(77, 0, 1), RET(SECCOMP_RET_ERRNO | EXDEV), RET(SECCOMP_RET_ALLOW)));
  R(close(77));
  R(close(78));
  // Arithmetic: 5 * 7 - 4 in memory, compared by register.
  R(INSTALL(LD(nr), JEQ(SYS_dup, 1, 0), RET(SECCOMP_RET_ALLOW), BPF_STMT(BPF_LD | BPF_IMM, 5), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 7),
            BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 4), BPF_STMT(BPF_ST, 2), BPF_STMT(BPF_LDX | BPF_MEM, 2), BPF_STMT(BPF_LD | BPF_IMM, 62),
            BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1), RET(SECCOMP_RET_ERRNO | EDOM), RET(SECCOMP_RET_ALLOW)));
  R(dup(999));
  pid_t p = fork();
  if (p == 0) { R(getpgid(0)); execl("/proc/self/exe", "prog", "again", NULL); }
  reap("inherited", p);
}

static volatile int code, number, arch, data;
static void onSys(int s, siginfo_t *i, void *c) {
  code = i->si_code; number = i->si_syscall; arch = i->si_arch == AUDIT_ARCH_X86_64; data = i->si_errno;
  ((ucontext_t *)c)->uc_mcontext.gregs[REG_RAX] += 1000;
}
static void traps(void) {
  struct sigaction sa = {.sa_sigaction = onSys, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &sa, NULL);
  ONE(SYS_getpgid, SECCOMP_RET_TRAP | 42);
  R(getpgid(0));
  printf("code %d nr %d arch %d errno %d\n", code, number, arch, data);
  signal(SIGSYS, SIG_IGN);
  getpgid(0);
}
static void killProcess(void) { ONE(SYS_getpgid, SECCOMP_RET_KILL_PROCESS); getpgid(0); }
static void killThread(void) { ONE(SYS_getpgid, SECCOMP_RET_KILL_THREAD); getpgid(0); }
static void *killed(void *a) { killThread(); return NULL; }
static void killOneThread(void) { pthread_t t; pthread_create(&t, NULL, killed, NULL); pthread_join(t, NULL); printf("the other lives\n"); _exit(0); }
static void traceWithoutTracer(void) { ONE(SYS_getpgid, SECCOMP_RET_TRACE | 5); R(getpgid(0)); }
static void logged(void) { ONE(SYS_getpgid, SECCOMP_RET_LOG); R(getpgid(0) > 0); }

static volatile int go;
static void *waiting(void *own) {
  if (own) ONE(SYS_getsid, SECCOMP_RET_ERRNO | EIDRM);
  __atomic_add_fetch(&go, 1, __ATOMIC_SEQ_CST);
  while (go < 2) sched_yield();
  R(getpgid(0));
  return NULL;
}
static void sync_(void) {
  pthread_t t;
  struct sock_filter f[] = {LD(nr), JEQ(SYS_getpgid, 0, 1), RET(SECCOMP_RET_ERRNO | EBADMSG), RET(SECCOMP_RET_ALLOW)};
  pthread_create(&t, NULL, waiting, NULL);
  while (go < 1) sched_yield();
  R(install(f, 4, SECCOMP_FILTER_FLAG_TSYNC));
  go = 2;
  pthread_join(t, NULL);
  go = 0;
  pthread_create(&t, NULL, waiting, f);
  while (go < 1) sched_yield();
  printf("diverged: a thread's id %d\n", install(f, 4, SECCOMP_FILTER_FLAG_TSYNC) > 0);
  R(install(f, 4, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
  go = 2;
  pthread_join(t, NULL);
}

static void traced(void) {
  pid_t p = fork();
  if (p == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    ONE(SYS_getpgid, SECCOMP_RET_TRACE | 99);
    R(getpgid(0));
    R(getpgid(0));
    _exit(6);
  }
  int st;
  waitpid(p, &st, 0);
  ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESECCOMP);
  for (int round = 0; round < 2; round++) {
    ptrace(PTRACE_CONT, p, 0, 0);
    waitpid(p, &st, 0);
    unsigned long message = 0;
    struct user_regs_struct r;
    ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
    ptrace(PTRACE_GETREGS, p, 0, &r);
    printf("stop %x message %lu nr %lld\n", st, message, r.orig_rax);
    r.orig_rax = round ? -1 : SYS_getppid;
    r.rax = 1234;
    if (round) ptrace(PTRACE_SETREGS, p, 0, &r);
    else printf("its own call %s\n", "goes on");
    if (!round) { r.orig_rax = SYS_close; r.rdi = 555; r.rax = -ENOSYS; ptrace(PTRACE_SETREGS, p, 0, &r); }
  }
  ptrace(PTRACE_CONT, p, 0, 0);
  reap("traced", p);
}

int main(int argc, char **argv) {
  if (argc > 1) { R(getpgid(0)); R(prctl(PR_GET_SECCOMP)); return 5; }
  R(prctl(PR_GET_SECCOMP));
  in("strict", strictOk);
  in("strict kills", strictKill);
  in("validity", validity);
  in("errnos", errnos);
  in("traps", traps);
  in("kill process", killProcess);
  in("kill thread", killThread);
  in("kill one thread", killOneThread);
  in("trace without tracer", traceWithoutTracer);
  in("log", logged);
  in("sync", sync_);
  traced();
  if (geteuid() == 0) { pid_t p = fork(); if (p == 0) { withoutRight(); _exit(0); } reap("right", p); }
  return done();
}
