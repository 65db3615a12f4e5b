// clone and clone3 raw: vfork semantics, CLONE_VM without CLONE_THREAD, SETTLS, PARENT_SETTID, CHILD_CLEARTID, exit signals, bad flags, unshare.
#include "t.h"
#include <linux/sched.h>
static int shared = 1;
static char stack[65536] __attribute__((aligned(16)));
static int childFn(void *a) { shared = (int)(long)a; return 5; }
static int fdFn(void *a) { (void)a; close(50); return chdir("sub"); }
static volatile int usr1;
static void onUsr1(int s) { (void)s; usr1++; }
int main(void) {
  int st;
  mkdir("sub", 0755);
  pid_t p = vfork();
  if (p == 0) { shared = 2; _exit(3); }
  reap("vfork", p);
  printf("memory shared with vfork child: %d\n", shared);
  p = vfork();
  if (p == 0) { execl("/bin/true", "true", NULL); _exit(9); }
  reap("vfork and exec", p);
  p = vfork();
  if (p == 0) { execl("/no/such", "true", NULL); _exit(9); }
  reap("vfork and failed exec", p);
  p = vfork();
  if (p == 0) kill(getpid(), SIGKILL);
  reap("vfork child killed", p);
  p = clone(childFn, stack + sizeof stack, CLONE_VM | SIGCHLD, (void *)7);
  reap("CLONE_VM", p);
  printf("shared %d\n", shared);
  p = clone(childFn, stack + sizeof stack, SIGCHLD, (void *)8);
  reap("copy", p);
  printf("shared %d\n", shared);
  dup2(1, 50);
  p = clone(fdFn, stack + sizeof stack, CLONE_FILES | CLONE_FS | CLONE_VM | SIGCHLD, NULL);
  reap("CLONE_FILES|CLONE_FS", p);
  R(fcntl(50, F_GETFD));
  R(access("../sub", F_OK));
  chdir("..");
  // Exit signal other than SIGCHLD, and __WCLONE.
  signal(SIGUSR1, onUsr1);
  p = clone(childFn, stack + sizeof stack, SIGUSR1, (void *)1);
  R(waitpid(p, &st, 0));
  R(waitpid(p, &st, __WCLONE) == p);
  printf("SIGUSR1 at exit %d\n", usr1);
  p = clone(childFn, stack + sizeof stack, 0, (void *)1);
  R(waitpid(p, &st, __WALL) == p);
  // tid words.
  int ptid = 0, ctid = 0;
  int *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  p = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &ptid, &ctid, 0);
  if (p == 0) { map[0] = ctid == getpid(); _exit(0); }
  reap("settid", p);
  printf("parent %d child %d parent's copy %d\n", ptid == p, map[0], ctid);
  map[1] = 77;
  p = (pid_t)syscall(SYS_clone, CLONE_CHILD_CLEARTID | SIGCHLD, 0, NULL, &map[1], 0);
  if (p == 0) _exit(0);
  reap("cleartid", p);
  printf("not cleared when memory is not shared with others: %d\n", map[1] == 77 || map[1] == 0);
  R(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
  R(syscall(SYS_clone, CLONE_THREAD | CLONE_VM | SIGCHLD, 0, 0, 0, 0));
  R(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
  struct clone_args a;
  memset(&a, 0, sizeof a);
  a.exit_signal = SIGCHLD;
  p = (pid_t)syscall(SYS_clone3, &a, sizeof a);
  if (p == 0) _exit(44);
  reap("clone3", p);
  a.flags = CLONE_VM | CLONE_VFORK;
  a.stack = (uintptr_t)stack;
  a.stack_size = sizeof stack;
  R(syscall(SYS_clone3, &a, 8));
  R(syscall(SYS_clone3, (void *)8, sizeof a));
  a.exit_signal = 200;
  R(syscall(SYS_clone3, &a, sizeof a));
  a.exit_signal = SIGCHLD;
  a.stack_size = 0;
  R(syscall(SYS_clone3, &a, sizeof a));
  memset(&a, 0, sizeof a);
  int pidfd = -1;
  a.flags = CLONE_PIDFD;
  a.pidfd = (uintptr_t)&pidfd;
  a.exit_signal = SIGCHLD;
  p = (pid_t)syscall(SYS_clone3, &a, sizeof a);
  if (p == 0) { sleepMs(20); _exit(45); }
  struct pollfd pf = {pidfd, POLLIN, 0};
  R(poll(&pf, 1, 5000));
  siginfo_t si;
  R(waitid(3 /* P_PIDFD */, pidfd, &si, WEXITED));
  printf("pidfd status %d\n", si.si_status);
  R(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
  p = fork();
  if (p == 0) for (;;) pause();
  pidfd = (int)syscall(SYS_pidfd_open, p, 0);
  R(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
  reap("pidfd_send_signal", p);
  R(unshare(CLONE_FILES));
  R(unshare(CLONE_FS));
  R(unshare(0x1));
  // CLONE_PARENT: the new process is a sibling.
  p = fork();
  if (p == 0) { pid_t q = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0); if (q == 0) _exit(60); _exit(waitpid(q, NULL, 0) == -1 ? 61 : 62); }
  int a1 = 0, a2 = 0;
  wait(&a1);
  wait(&a2);
  printf("CLONE_PARENT sum %d\n", WEXITSTATUS(a1) + WEXITSTATUS(a2));
  return done();
}
