// execve and fatal signals in threaded processes: exec from a secondary thread keeps the pid, other threads vanish.
#include "t.h"
static char *self;
static volatile int ticks;
static void *spin(void *a) { (void)a; for (;;) ticks++; }
static void *sleepy(void *a) { (void)a; for (;;) pause(); }
static void *execer(void *a) {
  char pid[20];
  (void)a;
  sprintf(pid, "%d", getpid());
  execl("./prog", "prog", "after", pid, NULL);
  _exit(99);
}
static void *faulter(void *a) { (void)a; sleepMs(5); *(volatile int *)0 = 0; return NULL; }
static void *raw(void *a) { (void)a; syscall(SYS_exit, 0); return NULL; }
int main(int argc, char **argv) {
  self = argv[0];
  if (argc > 1) {
    int tasks = 0;
    printf("after exec: pid same %d tid is pid %d\n", getpid() == atoi(argv[2]), gettid() == getpid());
    char line[200];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "Threads: %d", &tasks);
    printf("threads %d\n", tasks);
    return 0;
  }
  pthread_t t;
  for (int kind = 0; kind < 2; kind++) {
    pid_t p = fork();
    if (p == 0) {
      pthread_create(&t, NULL, spin, NULL);
      for (int i = 0; i < 5; i++) pthread_create(&t, NULL, sleepy, NULL);
      sleepMs(10);
      if (kind == 0) execer(NULL);
      pthread_create(&t, NULL, execer, NULL);
      for (;;) pause();
    }
    reap(kind ? "exec from thread" : "exec from leader", p);
  }
  pid_t p = fork();
  if (p == 0) { pthread_create(&t, NULL, spin, NULL); pthread_create(&t, NULL, faulter, NULL); for (;;) pause(); }
  reap("fault in a thread", p);
  p = fork();
  if (p == 0) { pthread_create(&t, NULL, spin, NULL); for (;;) pause(); }
  sleepMs(10);
  kill(p, SIGKILL);
  reap("SIGKILL", p);
  p = fork();
  if (p == 0) { pthread_create(&t, NULL, raw, NULL); pthread_join(t, NULL); syscall(SYS_exit, 12); }
  reap("raw exit of the last thread", p);
  // Stop and continue of a threaded process.
  p = fork();
  if (p == 0) { pthread_create(&t, NULL, spin, NULL); sleepMs(150); _exit(ticks > 0 ? 5 : 6); }
  sleepMs(30);
  kill(p, SIGSTOP);
  int st;
  OK(waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st));
  kill(p, SIGCONT);
  reap("stop and continue", p);
  return done();
}
