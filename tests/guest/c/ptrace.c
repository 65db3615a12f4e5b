// ptrace: TRACEME, syscall stops, registers and memory, steps, breakpoints, events of fork, vfork, clone, exec and exit, signals, attach, seize.
#include "t.h"
#include <elf.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

static volatile long word = 0x1122334455667788;
__attribute__((noinline)) static int callee(int x) { asm volatile(""); return x + 1; }

// Waits for `p` and prints its stop without anything that differs between runs.
static int st;
static void stop(const char *what, pid_t p) {
  pid_t got = waitpid(p, &st, __WALL);
  if (got != p) { printf("%s: %s\n", what, got < 0 ? strerrorname_np(errno) : "other"); return; }
  if (WIFSTOPPED(st)) {
    siginfo_t i;
    int r = ptrace(PTRACE_GETSIGINFO, p, 0, &i);
    if (r < 0) printf("%s: stop %s%s event %d, no siginfo\n", what, sigabbrev_np(WSTOPSIG(st) & 0x7f), WSTOPSIG(st) & 0x80 ? "|80" : "", st >> 16);
    else printf("%s: stop %s%s event %d, code %d\n", what, sigabbrev_np(WSTOPSIG(st) & 0x7f), WSTOPSIG(st) & 0x80 ? "|80" : "", st >> 16, i.si_code);
  } else if (WIFEXITED(st)) printf("%s: exited %d\n", what, WEXITSTATUS(st));
  else if (WIFSIGNALED(st)) printf("%s: killed by %s\n", what, sigabbrev_np(WTERMSIG(st)));
}
static pid_t child(void (*body)(void)) {
  pid_t p = fork();
  if (p == 0) { if (ptrace(PTRACE_TRACEME, 0, 0, 0)) _exit(99); raise(SIGSTOP); body(); _exit(7); }
  stop("first", p);
  return p;
}

static void calls(void) { syscall(SYS_getppid); syscall(SYS_close, 777); syscall(SYS_getpgid, 0); }
static void syscallStops(void) {
  pid_t p = child(calls);
  R(ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
  R(ptrace(PTRACE_SETOPTIONS, p, 0, 0x40000000));
  int entry = 0, seen = 0;
  // raise's own tail comes first.
  for (int n = 0; n < 40; n++) {
    OK(ptrace(PTRACE_SYSCALL, p, 0, 0) == 0);
    OK(waitpid(p, &st, 0) == p);
    if (!WIFSTOPPED(st)) break;
    struct user_regs_struct r;
    struct __ptrace_syscall_info info;
    OK(ptrace(PTRACE_GETREGS, p, 0, &r) == 0);
    long size = ptrace(PTRACE_GET_SYSCALL_INFO, p, sizeof info, &info);
    entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;
    if (r.orig_rax == SYS_getppid) seen = 1;
    if (!seen) continue;
    if (entry) printf("entry %ld: size %ld rax %lld nr %lld arg %d\n", (long)r.orig_rax, size, (long long)r.rax, info.entry.nr, r.orig_rax == SYS_close ? (int)info.entry.args[0] : 0);
    else if (r.orig_rax != SYS_getpgid) printf("exit %ld: size %ld error %d %s\n", (long)r.orig_rax, size, info.exit.is_error, info.exit.is_error ? strerrorname_np(-(int)info.exit.rval) : "ok");
    unsigned long message = 0;
    ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
    OK(message == (entry ? 1 : 2));
    // A call is skipped, and its result made up.
    if (entry && r.orig_rax == SYS_getpgid) { r.orig_rax = -1; OK(ptrace(PTRACE_SETREGS, p, 0, &r) == 0); }
    if (!entry && r.orig_rax == (unsigned long)-1) { r.rax = 4242; OK(ptrace(PTRACE_SETREGS, p, 0, &r) == 0); }
  }
  printf("end %x\n", st);
}

static void stepper(void) { word = callee(41); }
static void registersAndMemory(void) {
  pid_t p = child(stepper);
  errno = 0;
  printf("peek %lx\n", ptrace(PTRACE_PEEKDATA, p, &word, 0));
  R(ptrace(PTRACE_POKEDATA, p, &word, 0x99));
  printf("peek %lx, own %lx\n", ptrace(PTRACE_PEEKTEXT, p, &word, 0), word);
  R(ptrace(PTRACE_PEEKDATA, p, 8, 0));
  R(ptrace(PTRACE_POKEDATA, p, 8, 0));
  struct user_regs_struct r, s;
  struct iovec v = {&s, sizeof s};
  R(ptrace(PTRACE_GETREGS, p, 0, &r));
  R(ptrace(PTRACE_GETREGSET, p, NT_PRSTATUS, &v));
  printf("same %d, length %zu, cs %lx ss %lx\n", memcmp(&r, &s, sizeof r), v.iov_len, (long)r.cs, (long)r.ss);
  OK(ptrace(PTRACE_PEEKUSER, p, offsetof(struct user, regs.rip), 0) == (long)r.rip);
  R(ptrace(PTRACE_PEEKUSER, p, offsetof(struct user, u_debugreg), 0));
  R(ptrace(PTRACE_PEEKUSER, p, 3, 0));
  R(ptrace(PTRACE_PEEKUSER, p, 4000, 0));
  v.iov_len = 7;
  R(ptrace(PTRACE_GETREGSET, p, NT_PRSTATUS, &v));
  v.iov_len = sizeof s;
  R(ptrace(PTRACE_GETREGSET, p, 0x7777, &v));
  struct user_fpregs_struct f;
  R(ptrace(PTRACE_GETFPREGS, p, 0, &f));
  printf("cwd %x mxcsr %x\n", f.cwd, f.mxcsr);
  R(ptrace(PTRACE_SETFPREGS, p, 0, &f));
  static char xstate[16384];
  struct iovec x = {xstate, sizeof xstate};
  R(ptrace(PTRACE_GETREGSET, p, NT_X86_XSTATE, &x));
  OK(x.iov_len >= 576 && (xstate[464] & 3) == 3);
  R(ptrace(PTRACE_SETREGSET, p, NT_X86_XSTATE, &x));
  r.fs_base = 1L << 60;
  R(ptrace(PTRACE_SETREGS, p, 0, &r));
  // A breakpoint in the text.
  long original = ptrace(PTRACE_PEEKTEXT, p, callee, 0);
  R(ptrace(PTRACE_POKETEXT, p, callee, (original & ~0xffL) | 0xcc));
  R(ptrace(PTRACE_CONT, p, 0, 0));
  stop("breakpoint", p);
  ptrace(PTRACE_GETREGS, p, 0, &r);
  printf("at callee+%ld, argument %d\n", (long)(r.rip - (long)callee), (int)r.rdi);
  r.rip--;
  r.rdi = 100;
  ptrace(PTRACE_SETREGS, p, 0, &r);
  ptrace(PTRACE_POKETEXT, p, callee, original);
  long last = 0, steps = 0;
  do {
    OK(ptrace(PTRACE_SINGLESTEP, p, 0, 0) == 0);
    if (steps == 0) stop("step", p);
    else waitpid(p, &st, 0);
    ptrace(PTRACE_GETREGS, p, 0, &r);
    OK((r.eflags & 0x100) == 0 && (long)r.rip != last);
    last = r.rip;
    steps++;
  } while (steps < 20 && ptrace(PTRACE_PEEKDATA, p, &word, 0) != 101);
  printf("word is %ld, several steps %d\n", ptrace(PTRACE_PEEKDATA, p, &word, 0), steps > 2);
  R(ptrace(PTRACE_KILL, p, 0, 0));
  stop("kill", p);
}

static void stepCall(void) { for (int i = 0; i < 3; i++) syscall(SYS_getppid); }
static void stepOverCalls(void) {
  for (int i = 0; i < 300; i++) syscall(SYS_getppid);  // a call site that is used much may be served in another way
  pid_t p = child(stepCall);
  int calls = 0;
  for (int n = 0; n < 100000; n++) {
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, p, 0, &r);
    int isCall = (ptrace(PTRACE_PEEKTEXT, p, r.rip, 0) & 0xffff) == 0x050f && r.rax == SYS_getppid;
    long at = r.rip;
    OK(ptrace(PTRACE_SINGLESTEP, p, 0, 0) == 0);
    OK(waitpid(p, &st, 0) == p);
    if (!WIFSTOPPED(st)) break;
    ptrace(PTRACE_GETREGS, p, 0, &r);
    if (isCall) { calls++; OK(ptrace(PTRACE_PEEKTEXT, p, at, 0) << 48 >> 48 == 0x050f && (long)r.rip == at + 2 && (pid_t)r.rax == getpid()); }
  }
  printf("stepped over %d calls to the end %x\n", calls, st);
}

static void onUsr1(int s) { word = 5; }
static void signalled(void) { signal(SIGUSR1, onUsr1); raise(SIGUSR1); raise(SIGUSR1); raise(SIGUSR2); raise(SIGCHLD); _exit(word); }
static void signals(void) {
  pid_t p = child(signalled);
  R(ptrace(PTRACE_CONT, p, 0, 999));
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("signal", p);
  siginfo_t i;
  ptrace(PTRACE_GETSIGINFO, p, 0, &i);
  i.si_code = SI_QUEUE;
  R(ptrace(PTRACE_SETSIGINFO, p, 0, &i));
  uint64_t mask = 0;
  R(ptrace(PTRACE_GETSIGMASK, p, 8, &mask));
  R(ptrace(PTRACE_GETSIGMASK, p, 4, &mask));
  ptrace(PTRACE_CONT, p, 0, 0);  // dropped
  stop("again", p);
  printf("not handled: %lx\n", ptrace(PTRACE_PEEKDATA, p, &word, 0));
  ptrace(PTRACE_SINGLESTEP, p, 0, SIGUSR1);
  stop("into the handler", p);
  struct user_regs_struct r;
  ptrace(PTRACE_GETREGS, p, 0, &r);
  printf("at its first instruction %d\n", (long)r.rip == (long)onUsr1);
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("would kill", p);
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("ignored by default", p);
  ptrace(PTRACE_CONT, p, 0, SIGTERM);
  stop("another one", p);
}

static void forker(void) {
  pid_t p = fork();
  if (p == 0) _exit(3);
  waitpid(p, NULL, 0);
  p = vfork();
  if (p == 0) _exit(4);
  waitpid(p, NULL, 0);
  _exit(5);
}
static void events(void) {
  pid_t p = child(forker);
  long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT;
  R(ptrace(PTRACE_SETOPTIONS, p, 0, options));
  for (int round = 0; round < 2; round++) {
    unsigned long message;
    ptrace(PTRACE_CONT, p, 0, 0);
    stop("fork event", p);
    ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
    pid_t q = message;
    stop("new child", q);
    ptrace(PTRACE_CONT, q, 0, 0);
    stop("its exit", q);
    ptrace(PTRACE_GETEVENTMSG, q, 0, &message);
    printf("exit message %lx\n", message);
    ptrace(PTRACE_CONT, q, 0, 0);
    ptrace(PTRACE_CONT, p, 0, 0);
    stop("ended", q);
    if (round) { stop("vfork done", p); ptrace(PTRACE_CONT, p, 0, 0); }
    stop("SIGCHLD", p);
  }
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("exit event", p);
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("gone", p);
}

static void execer(void) { execl("/proc/self/exe", "prog", "again", NULL); }
static void exec(void) {
  pid_t p = child(execer);
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("exec without the option", p);
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("it ends", p);
  p = child(execer);
  ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACEEXEC);
  ptrace(PTRACE_CONT, p, 0, 0);
  stop("exec event", p);
  unsigned long message = 0;
  ptrace(PTRACE_GETEVENTMSG, p, 0, &message);
  OK(message == (unsigned long)p);
  R(ptrace(PTRACE_DETACH, p, 0, 0));
  R(ptrace(PTRACE_DETACH, p, 0, 0));
  stop("free, it ends", p);
}

static int state(pid_t p) {
  char path[40], line[200], found = 0;
  sprintf(path, "/proc/%d/status", p);
  FILE *f = fopen(path, "r");
  while (fgets(line, sizeof line, f)) {
    if (!strncmp(line, "State:", 6)) found = line[7];
    if (!strncmp(line, "TracerPid:", 10)) printf("state %c, traced %d\n", found, atoi(line + 10) == getpid());
  }
  fclose(f);
  return found;
}
static void attaching(void) {
  int pipe1[2];
  OK(pipe(pipe1) == 0);
  pid_t p = fork();
  if (p == 0) { char c; for (;;) if (read(pipe1[0], &c, 1) != 1) _exit(1); else if (c == 'q') _exit(8); }
  R(ptrace(PTRACE_ATTACH, getpid(), 0, 0));
  R(ptrace(PTRACE_CONT, p, 0, 0));
  R(ptrace(PTRACE_ATTACH, p, 0, 0));
  stop("attached", p);
  state(p);
  R(ptrace(PTRACE_ATTACH, p, 0, 0));
  R(ptrace(PTRACE_DETACH, p, 0, 0));
  R(ptrace(PTRACE_SEIZE, p, 0, PTRACE_O_TRACESYSGOOD));
  R(ptrace(PTRACE_CONT, p, 0, 0));
  R(ptrace(PTRACE_INTERRUPT, p, 0, 0));
  stop("interrupted", p);
  R(ptrace(PTRACE_LISTEN, p, 0, 0));
  R(ptrace(PTRACE_INTERRUPT, p, 0, 0));
  stop("interrupted again", p);
  R(ptrace(PTRACE_CONT, p, 0, 0));
  kill(p, SIGSTOP);
  stop("SIGSTOP", p);
  R(ptrace(PTRACE_CONT, p, 0, SIGSTOP));
  stop("group stop", p);
  R(ptrace(PTRACE_LISTEN, p, 0, 0));
  R(ptrace(PTRACE_CONT, p, 0, 0));
  kill(p, SIGCONT);
  stop("its end", p);
  R(ptrace(PTRACE_CONT, p, 0, 0));
  stop("SIGCONT", p);
  R(ptrace(PTRACE_DETACH, p, 0, SIGCONT));
  write(pipe1[1], "xq", 2);
  stop("quits", p);
}

static void peekers(void) {
  pid_t p = fork();
  long local = 0;
  if (p == 0) for (;;) pause();
  struct iovec l = {&local, 8}, r = {(void *)&word, 8}, bad = {(void *)8, 8};
  R(process_vm_readv(p, &l, 1, &r, 1, 0));
  printf("%lx\n", local);
  local = 77;
  R(process_vm_writev(p, &l, 1, &r, 1, 0));
  R(process_vm_readv(p, &l, 1, &bad, 1, 0));
  R(process_vm_readv(p, &l, 1, &r, 1, 1));
  local = 0;
  process_vm_readv(p, &l, 1, &r, 1, 0);
  printf("%ld\n", local);
  kill(p, SIGKILL);
  reap("peeked", p);
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "again")) return 11;
  syscallStops();
  registersAndMemory();
  stepOverCalls();
  signals();
  events();
  exec();
  attaching();
  peekers();
  return done();
}
