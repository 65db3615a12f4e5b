// dup, dup2, dup3, fcntl flags, close, close_range, RLIMIT_NOFILE, shared offsets.
#include "t.h"
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
int main(void) {
  int f = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644);
  OK(f == 3);
  R(write(f, "0123456789", 10));
  int d = dup(f);
  R(d);
  R(lseek(d, 2, SEEK_SET));
  R(lseek(f, 0, SEEK_CUR));
  R(dup(-1));
  R(dup(1000));
  R(dup2(f, f));
  R(dup2(99, 5));
  R(dup2(99, 99));
  R(dup2(f, -1));
  R(dup2(f, 1 << 24));
  R(dup2(f, 30));
  R(dup3(f, f, 0));
  R(dup3(f, 31, O_CLOEXEC));
  R(dup3(f, 31, 1));
  R(fcntl(31, F_GETFD));
  R(fcntl(30, F_GETFD));
  R(fcntl(f, F_DUPFD, 40));
  R(fcntl(f, F_DUPFD_CLOEXEC, 40));
  R(fcntl(41, F_GETFD));
  R(fcntl(f, F_DUPFD, -1));
  R(fcntl(f, F_DUPFD, 1 << 24));
  R(fcntl(f, F_SETFD, FD_CLOEXEC));
  R(fcntl(f, F_GETFD));
  R(fcntl(f, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
  R(fcntl(f, F_SETFL, O_APPEND | O_NONBLOCK));
  R(fcntl(d, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
  R(fcntl(f, F_SETFL, 0));
  R(fcntl(f, 9999));
  R(fcntl(99, F_GETFD));
  R(close(99));
  R(close(-1));
  R(close(d));
  R(close(d));
  R(fcntl(f, F_GETOWN));
  R(fcntl(f, F_SETOWN, getpid()));
  R(fcntl(f, F_GETOWN) == getpid());
  pid_t c = fork();
  if (c == 0) { lseek(f, 7, SEEK_SET); _exit(0); }
  reap("child moved the shared offset", c);
  R(lseek(f, 0, SEEK_CUR));
  struct rlimit old, lim = {10, 10};
  getrlimit(RLIMIT_NOFILE, &old);
  c = fork();
  if (c == 0) {
    setrlimit(RLIMIT_NOFILE, &lim);
    int n = 0, e;
    while ((e = dup(0)) >= 0) n++;
    printf("opened %d then %s\n", n, strerrorname_np(errno));
    R(fcntl(30, F_GETFD));
    R(dup2(0, 10));
    R(fcntl(0, F_DUPFD, 10));
    int p[2];
    R(pipe(p));
    _exit(0);
  }
  reap("limit", c);
  R(syscall(SYS_close_range, 40, 41, 0));
  R(fcntl(40, F_GETFD));
  R(syscall(SYS_close_range, 30, 31, CLOSE_RANGE_CLOEXEC));
  R(fcntl(30, F_GETFD));
  R(syscall(SYS_close_range, 31, 30, 0));
  R(syscall(SYS_close_range, 30, ~0U, 0));
  R(fcntl(31, F_GETFD));
  int path = open("file", O_PATH);
  OK(path >= 0);
  char b[4];
  R(read(path, b, 1));
  R(fcntl(path, F_GETFL) & O_PATH ? 1 : 0);
  struct stat st;
  R(fstat(path, &st));
  R(fchmod(path, 0600));
  R(ioctl(path, FIONREAD, b));
  unlink("file");
  return done();
}
