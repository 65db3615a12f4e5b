// What a signal does to a blocked call: EINTR or a restart, call by call; restart_syscall of nanosleep; partial transfers.
#include "t.h"
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/sem.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <linux/futex.h>
static volatile int count;
static void handler(int s) { (void)s; count++; }
static void arm(int restart) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0};
  sigaction(SIGALRM, &sa, NULL);
  count = 0;
  struct itimerval t = {{0, 0}, {0, 60000}};
  setitimer(ITIMER_REAL, &t, NULL);
}
// Feeds the blocked call after the signal has been handled, so that a restarted call can end.
static pid_t feeder(int fd, const char *data, long afterMs) {
  pid_t p = fork();
  if (p == 0) { sleepMs(afterMs); write(fd, data, strlen(data)); _exit(0); }
  return p;
}
int main(void) {
  char b[8];
  int p[2];
  for (int restart = 0; restart < 2; restart++) {
    printf("SA_RESTART %d\n", restart);
    pipe(p);
    arm(restart);
    pid_t f = feeder(p[1], "abc", 250);
    R(read(p[0], b, 3));
    waitpid(f, NULL, 0);
    printf("handled %d\n", count);
    arm(restart);
    R(poll(&(struct pollfd){.fd = p[0], .events = restart ? 0 : POLLPRI}, 1, 100000));
    fd_set set;
    FD_ZERO(&set);
    arm(restart);
    R(select(1, NULL, NULL, NULL, &(struct timeval){100, 0}));
    arm(restart);
    R(pselect(1, NULL, NULL, NULL, &(struct timespec){100, 0}, NULL));
    arm(restart);
    struct timespec rem = {-1, -1};
    R(nanosleep(&(struct timespec){100, 0}, &rem));
    OK(rem.tv_sec == 99 && rem.tv_nsec > 0);
    arm(restart);
    R(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){100, 0}, NULL));
    arm(restart);
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += 100;
    R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL));
    arm(restart);
    int ep = epoll_create1(0);
    struct epoll_event ev;
    R(epoll_wait(ep, &ev, 1, 100000));
    close(ep);
    arm(restart);
    pid_t c = fork();
    if (c == 0) { sleepMs(250); _exit(4); }
    int status;
    R(waitpid(c, &status, 0) == c ? 1 : -1);
    waitpid(c, &status, 0);
    int word = 0;
    arm(restart);
    R(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &(struct timespec){100, 0}, NULL, 0));
    arm(restart);
    sigset_t set2;
    sigemptyset(&set2);
    sigaddset(&set2, SIGUSR1);
    R(sigtimedwait(&set2, NULL, &(struct timespec){100, 0}));
    arm(restart);
    R(pause());
    int s[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    arm(restart);
    f = feeder(s[1], "xyz", 250);
    R(recv(s[0], b, 3, 0));
    waitpid(f, NULL, 0);
    close(s[0]);
    close(s[1]);
    // flock
    int f1 = open("lock", O_CREAT | O_RDWR, 0644);
    int hold[2];
    pipe(hold);
    c = fork();
    if (c == 0) { int f2 = open("lock", O_RDWR); flock(f2, LOCK_EX); write(hold[1], "h", 1); sleepMs(300); _exit(0); }
    read(hold[0], b, 1);
    arm(restart);
    R(flock(f1, LOCK_EX));
    waitpid(c, NULL, 0);
    close(f1);
    c = fork();
    if (c == 0) { int f2 = open("lock", O_RDWR); struct flock l = {.l_type = F_WRLCK}; fcntl(f2, F_SETLKW, &l); write(hold[1], "h", 1); sleepMs(300); _exit(0); }
    read(hold[0], b, 1);
    f1 = open("lock", O_RDWR);
    arm(restart);
    R(fcntl(f1, F_SETLKW, &(struct flock){.l_type = F_WRLCK}));
    waitpid(c, NULL, 0);
    close(f1);
    close(p[0]);
    close(p[1]);
  }
  // A write that already moved bytes reports them.
  pipe(p);
  arm(1);
  static char big[200000];
  R(write(p[1], big, sizeof big));
  // Open of a FIFO.
  mkfifo("ff", 0600);
  arm(0);
  R(open("ff", O_RDONLY));
  // A stopped and continued sleep goes on by itself (restart_syscall) and a wait too.
  pid_t c = fork();
  if (c == 0) {
    double t0 = nowSeconds();
    int r = nanosleep(&(struct timespec){0, 300000000}, NULL);
    double d = nowSeconds() - t0;
    _exit(r == 0 && d >= 0.29 ? 0 : 1);
  }
  sleepMs(60);
  kill(c, SIGSTOP);
  sleepMs(60);
  kill(c, SIGCONT);
  reap("sleep over stop", c);
  c = fork();
  if (c == 0) { struct pollfd q = {.fd = p[1], .events = 0}; int r = poll(&q, 1, 300); _exit(r == 0 ? 0 : 1); }
  sleepMs(60);
  kill(c, SIGSTOP);
  sleepMs(60);
  kill(c, SIGCONT);
  reap("poll over stop", c);
  return done();
}
