// flock, POSIX record locks, open-file-description locks: conflicts, release at close and exit, deadlock, ranges, F_GETLK.
#include "t.h"
#include <sys/file.h>
static int set(int fd, int cmd, short type, off_t start, off_t len) { struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len}; return fcntl(fd, cmd, &l); }
static void get(int fd, short type, off_t start, off_t len) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
  fcntl(fd, F_GETLK, &l);
  printf("GETLK %ld+%ld: %s", (long)start, (long)len, l.l_type == F_UNLCK ? "free" : l.l_type == F_WRLCK ? "write" : "read");
  if (l.l_type != F_UNLCK) printf(" %ld+%ld by parent %d", (long)l.l_start, (long)l.l_len, l.l_pid == getppid());
  printf("\n");
}
int main(void) {
  int f = open("lock", O_RDWR | O_CREAT, 0644), g = open("lock", O_RDWR), st;
  R(flock(f, LOCK_EX));
  R(flock(g, LOCK_SH | LOCK_NB));
  R(flock(f, LOCK_SH));
  R(flock(g, LOCK_SH | LOCK_NB));
  R(flock(g, LOCK_EX | LOCK_NB));
  R(flock(f, LOCK_UN));
  R(flock(g, LOCK_EX | LOCK_NB));
  int d = dup(g);
  close(g);
  R(flock(f, LOCK_SH | LOCK_NB));
  close(d);
  R(flock(f, LOCK_SH | LOCK_NB));
  R(flock(f, 77));
  R(flock(99, LOCK_SH));
  pid_t p = fork();
  if (p == 0) { int h = open("lock", O_RDWR); R(flock(h, LOCK_EX | LOCK_NB)); R(flock(f, LOCK_EX | LOCK_NB)); _exit(0); }
  reap("child shares the description", p);
  flock(f, LOCK_UN);
  // POSIX.
  R(set(f, F_SETLK, F_WRLCK, 0, 100));
  R(set(f, F_SETLK, F_RDLCK, 50, 10));
  R(set(f, F_SETLK, F_WRLCK, 200, 0));
  p = fork();
  if (p == 0) {
    get(f, F_WRLCK, 0, 10);
    get(f, F_RDLCK, 55, 1);
    get(f, F_WRLCK, 55, 1);
    get(f, F_WRLCK, 100, 100);
    get(f, F_RDLCK, 1000, 5);
    R(set(f, F_SETLK, F_WRLCK, 10, 1));
    R(set(f, F_SETLK, F_RDLCK, 50, 10));
    R(set(f, F_SETLK, F_WRLCK, 100, 100));
    R(set(f, F_SETLK, F_UNLCK, 0, 0));
    R(set(f, F_SETLK, F_WRLCK, -5, 1));
    R(set(f, F_SETLK, 99, 0, 1));
    R(set(f, 1234, F_WRLCK, 0, 1));
    _exit(0);
  }
  reap("POSIX conflicts", p);
  R(set(f, F_SETLK, F_UNLCK, 20, 60));
  p = fork();
  if (p == 0) { get(f, F_WRLCK, 0, 30); get(f, F_WRLCK, 20, 60); get(f, F_WRLCK, 80, 30); _exit(0); }
  reap("split", p);
  g = open("lock", O_RDWR);
  close(g);
  p = fork();
  if (p == 0) { get(f, F_WRLCK, 0, 1000); _exit(0); }
  reap("any close drops all", p);
  int r = open("lock", O_RDONLY);
  R(set(r, F_SETLK, F_WRLCK, 0, 1));
  R(set(r, F_SETLK, F_RDLCK, 0, 1));
  // Waiting, and the owner's exit releases.
  int pp[2];
  char c;
  pipe(pp);
  p = fork();
  if (p == 0) { set(f, F_SETLK, F_WRLCK, 500, 1); write(pp[1], "x", 1); sleepMs(50); _exit(0); }
  read(pp[0], &c, 1);
  R(set(f, F_SETLK, F_WRLCK, 500, 1));
  R(set(f, F_SETLKW, F_WRLCK, 500, 1));
  reap("holder", p);
  // Deadlock is EDEADLK.
  set(f, F_SETLK, F_WRLCK, 600, 1);
  p = fork();
  if (p == 0) { set(f, F_SETLK, F_WRLCK, 601, 1); write(pp[1], "x", 1); set(f, F_SETLKW, F_WRLCK, 600, 1); _exit(0); }
  read(pp[0], &c, 1);
  sleepMs(50);
  R(set(f, F_SETLKW, F_WRLCK, 601, 1));
  set(f, F_SETLK, F_UNLCK, 600, 1);
  waitpid(p, &st, 0);
  // OFD locks belong to the description.
  int a = open("lock", O_RDWR), b = open("lock", O_RDWR);
  R(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
  R(set(b, F_OFD_SETLK, F_WRLCK, 5, 1));
  R(set(b, F_OFD_SETLK, F_WRLCK, 10, 1));
  close(a);
  R(set(b, F_OFD_SETLK, F_WRLCK, 5, 1));
  // lockf.
  lseek(b, 0, SEEK_SET);
  R(lockf(r, F_TEST, 0));
  return done();
}
