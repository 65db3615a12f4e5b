// Nobody who forks escapes a signal that is sent to the whole group at the same time.
#include "t.h"
static void multiply(int depth) {
  // Children of children, so that somebody is always about to fork.
  for (int i = 0; i < 40; i++) {
    pid_t p = depth & 1 ? vfork() : fork();
    if (p == 0) { if (depth & 1) _exit(0); if (depth < 3) multiply(depth + 1); for (;;) pause(); }
  }
}
int main(void) {
  int escaped = 0;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (int round = 0; round < 60; round++) {
    int ready[2];
    pipe(ready);
    pid_t group = fork();
    if (group == 0) { setpgid(0, 0); write(ready[1], "x", 1); multiply(0); for (;;) pause(); }
    char c;
    read(ready[0], &c, 1);
    close(ready[0]);
    close(ready[1]);
    for (volatile int i = 0; i < round * 2000; i++) continue;
    kill(-group, SIGKILL);
    double end = nowSeconds() + 5;
    while (waitpid(-group, NULL, WNOHANG) >= 0) if (nowSeconds() > end) { escaped++; kill(-group, SIGKILL); break; } else sleepMs(1);
  }
  while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  printf("escaped %d\n", escaped);
  return done();
}
