// Takes processes and threads until there are no more, be it the machine's limit or that of the host's user (host-limits.test.ts):
// EAGAIN, and when some have ended there are some again.
#include "attack.h"

enum { MOST = 1000 };
static pid_t kids[MOST];
static pthread_t threads[MOST];
static volatile int over;

static void *sleeper(void *unused) {
  while (!over) sleepMs(20);
  return unused;
}

// Skas has something to do while there is nothing left.
static void say(const char *what) {
  printf("no more %s\n", what);
  fflush(stdout);
  sleepMs(20);
}

int main(void) {
  int count = 0, error = 0;
  while (count < MOST && (kids[count] = fork()) > 0) count++;
  if (count < MOST && kids[count] == 0) for (;;) pause();
  OK(count > 5 && count < MOST && errno == EAGAIN);
  say("processes");
  for (int i = 0; i < count; i++) kill(kids[i], SIGKILL);
  for (int i = 0; i < count; i++) OK(waitpid(kids[i], NULL, 0) == kids[i]);
  for (count = 0; count < MOST && (error = pthread_create(&threads[count], NULL, sleeper, NULL)) == 0;) count++;
  OK(count > 5 && count < MOST && error == EAGAIN);
  say("threads");
  over = 1;
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  pid_t again = fork();
  if (again == 0) _exit(7);
  int status;
  OK(waitpid(again, &status, 0) == again && WEXITSTATUS(status) == 7);
  return done();
}
