// A process whose parent ended has another parent, which is a process id: daemons wait for that.
#include "t.h"
int main(void) {
  int p[2];
  OK(pipe(p) == 0);
  pid_t child = fork();
  if (child == 0) {
    pid_t old = getpid();
    if (fork() == 0) {
      while (getppid() == old) sleepMs(1);
      int parent = getppid();
      OK(write(p[1], &parent, sizeof parent) == sizeof parent);
    }
    _exit(0);
  }
  int parent = -1;
  R(read(p[0], &parent, sizeof parent));
  printf("adopted %d\n", parent >= 1);
  reap("parent", child);
  return done();
}
