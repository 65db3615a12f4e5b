// guest: needs=root
// Which error comes first, and edges of arguments, over calls of many subjects (found by a conformance suite).
#include "t.h"
#include <linux/fs.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/personality.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/timex.h>
#include <sys/xattr.h>
#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY 1028
#endif
static volatile int seen;
static void onSignal(int s, siginfo_t *i, void *c) {
  struct sigaction a;
  (void)s, (void)i, (void)c;
  sigaction(SIGUSR1, NULL, &a);
  seen = (a.sa_flags & SA_SIGINFO) != 0 && a.sa_handler == SIG_DFL;
}
static void files(void) {
  int p[2];
  pipe(p);
  char b[4] = "abc";
  struct iovec v = {b, 3};
  R(pwritev2(p[0], &v, 1, 0, 0));
  R(pwrite(p[0], b, 1, 0));
  R(pread(p[1], b, 1, 0));
  R(pwritev2(p[1], &v, 1, -2, 0));
  R(sync_file_range(p[0], 0, 1, 0));
  int null = open("/dev/null", O_RDWR);
  R(sync_file_range(null, 0, 1, 0));
  R(sync_file_range(null, 0, 1, 8));
  int f = open("file", O_RDWR | O_CREAT, 0600);
  ftruncate(f, 5);
  off_t *offset = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  R(sendfile(null, f, offset, 1));
  int wr = open("file", O_WRONLY);
  R((long)mmap(NULL, 4096, PROT_READ, 0, wr, 0));
  R((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, wr, 0));
  R((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | 1 << 10, f, 0));
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  R(msync((void *)-1L, 4096, MS_SYNC));
  R(msync(page + 1, 4096, MS_SYNC));
  int fifo = (mkfifo("fifo", 0600), open("fifo", O_RDWR));
  R(ioctl(f, FICLONE, fifo));
  R(ioctl(f, FICLONE, 99));
  R(ioctl(f, FICLONE, null));
  symlink("nowhere", "link");
  R(lsetxattr("link", "trusted.x", "1", 1, 0));
  R(lgetxattr("link", "trusted.x", b, 4));
  R(lsetxattr("link", "user.x", "1", 1, 0));
  // What the creator asks for, not what the umask leaves, decides about set-group-ID.
  mkdir("group", 0777);
  chown("group", 1, 77);
  chmod("group", 02777);
  if (!fork()) {
    struct stat st;
    setgid(1);
    setuid(1);
    umask(010);
    close(open("group/f", O_CREAT | O_WRONLY, 02777));
    stat("group/f", &st);
    printf("created %o group %d\n", st.st_mode, st.st_gid);
    exit(0);
  }
  wait(NULL);
}
static void locks(void) {
  int f = open("locked", O_RDWR | O_CREAT, 0600);
  struct flock high = {.l_type = F_WRLCK, .l_start = 50, .l_len = 10}, low = {.l_type = F_RDLCK, .l_start = 10, .l_len = 10};
  fcntl(f, F_SETLK, &high);
  fcntl(f, F_SETLK, &low);
  if (!fork()) {
    struct flock all = {.l_type = F_WRLCK};
    fcntl(f, F_GETLK, &all);
    printf("first in the way: %s %ld+%ld\n", all.l_type == F_RDLCK ? "read" : "write", (long)all.l_start, (long)all.l_len);
    exit(0);
  }
  wait(NULL);
}
static void watching(void) {
  char b[512] __attribute__((aligned(8)));
  mkdir("watched", 0700);
  int in = inotify_init1(IN_NONBLOCK), f = open("watched/f", O_CREAT | O_RDWR, 0600);
  inotify_add_watch(in, "watched", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB);
  unlink("watched/f");
  write(f, "x", 1);
  read(in, b, sizeof b);
  struct inotify_event *e = (void *)b;
  printf("write after unlink: %x %s\n", e->mask, e->len ? e->name : "");
  close(f);
  rmdir("watched");
  ssize_t n = read(in, b, sizeof b);
  for (char *at = b; at < b + n; at += sizeof *e + ((struct inotify_event *)at)->len) printf("rmdir: %x\n", ((struct inotify_event *)at)->mask);
  inotify_add_watch(in, ".", IN_MODIFY | IN_EXCL_UNLINK);
  f = open("gone", O_CREAT | O_RDWR, 0600);
  unlink("gone");
  write(f, "x", 1);
  R(read(in, b, sizeof b));
}
static void processes(void) {
  struct sigaction a = {.sa_sigaction = onSignal, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  sigaction(SIGUSR1, &a, NULL);
  raise(SIGUSR1);
  OK(seen);
  unsigned word = 0, other = 0;
  R(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, 1, -1L, &other, 0));
  R(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE, -1, 1L, &other, 0));
  R(syscall(SYS_ioprio_set, 1, 0, 4));
  R(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, (void *)8, NULL, 0));
  if (!fork()) {
    prctl(PR_SET_TIMERSLACK, 70000);
    if (!fork()) {
      prctl(PR_SET_TIMERSLACK, 1);
      prctl(PR_SET_TIMERSLACK, 0);
      printf("slack %d\n", prctl(PR_GET_TIMERSLACK));
      exit(0);
    }
    wait(NULL);
    exit(0);
  }
  wait(NULL);
  personality(PER_LINUX | STICKY_TIMEOUTS);
  struct timeval tv = {0, 10};
  select(0, NULL, NULL, NULL, &tv);
  printf("sticky %ld\n", (long)tv.tv_usec);
  personality(PER_LINUX);
  int pid = fork();
  if (!pid) pause();
  int fd = syscall(SYS_pidfd_open, pid, O_NONBLOCK);
  siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
  R(waitid(3, fd, &info, WEXITED));
  info.si_signo = SIGUSR2;
  info.si_code = SI_QUEUE;
  R(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0));
  char name[40];
  snprintf(name, sizeof name, "/proc/%d", pid);
  int dir = open(name, O_DIRECTORY);
  R(syscall(SYS_pidfd_send_signal, dir, SIGKILL, NULL, 0));
  R(waitpid(pid, NULL, 0) == pid);
  R(syscall(SYS_pidfd_send_signal, dir, SIGKILL, NULL, 0));
}
static void memory(void) {
  unsigned char vec[4] = {0};
  char *m = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mlock(m, 16384);
  mincore(m, 16384, vec);
  printf("locked pages resident: %d%d%d%d\n", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
  int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
  ftruncate(fd, 4096);
  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
  R((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  R(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
  // A vmsplice larger than the pipe gives what fits.
  int p[2];
  pipe(p);
  static char big[1 << 17];
  struct iovec v = {big, sizeof big};
  R(vmsplice(p[1], &v, 1, 0) > 0);
}
static void clocks(void) {
  struct timespec ts = {-1, 0};
  R(clock_settime(CLOCK_REALTIME, &ts));
  ts = (struct timespec){0, 1000000001};
  R(clock_settime(CLOCK_REALTIME, &ts));
  R(syscall(SYS_clock_settime, CLOCK_REALTIME, (void *)8));
  R(clock_settime(CLOCK_MONOTONIC, &ts));
  struct timeval tv = {0, -1};
  R(settimeofday(&tv, NULL));
  struct timex tx = {.modes = 0};
  OK(adjtimex(&tx) >= 0 && tx.tick >= 9000 && tx.precision == 1);
  tx.modes = ADJ_TICK;
  tx.tick = 8999;
  R(adjtimex(&tx));
  tx.modes = 0x8000;
  R(syscall(SYS_adjtimex, &tx));
  R(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx));
  R(syscall(SYS_clock_adjtime, 77, &tx));
  setuid(1);
  tx.modes = ADJ_TICK;
  tx.tick = 10000;
  R(adjtimex(&tx));
  tx.modes = 0;
  OK(adjtimex(&tx) >= 0);
  R(clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0}));
}
int main(void) {
  files();
  locks();
  watching();
  processes();
  memory();
  clocks();
  return failures;
}
