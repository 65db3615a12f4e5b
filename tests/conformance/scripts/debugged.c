// What debug.sh traces and debugs: calls, a structure, signals, threads, a child.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct point { int x, y; const char *name; };
static int handled;
static pthread_barrier_t barrier;
static void onSignal(int number) { handled += number; }
static int depth(int n) { return n == 0 ? 0 : 1 + depth(n - 1); }
int add(struct point *p, int k) {
  p->x += k;
  p->y -= k;
  return p->x * p->y;
}
static void *thread(void *name) {
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return name;
}
static int threads(void) {
  pthread_t t[2];
  pthread_barrier_init(&barrier, NULL, 3);
  for (long i = 0; i < 2; i++) pthread_create(&t[i], NULL, thread, (void *)i);
  pthread_barrier_wait(&barrier);
  int middle = depth(3);
  pthread_barrier_wait(&barrier);
  for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
  return middle;
}
int main(int argc, char **argv) {
  struct point p = {3, 4, "pt"};
  int total = 0;
  for (int i = 0; i < 3; i++) total += add(&p, i);
  signal(SIGUSR1, onSignal);
  raise(SIGUSR1);
  if (argc > 1) {
    pid_t child = fork();
    if (child == 0) _exit(9);
    int status;
    waitpid(child, &status, 0);
    total += WEXITSTATUS(status);
  }
  total += threads();
  printf("total %d depth %d handled %d\n", total, depth(5), handled);
  if (argc > 2) abort();
  return 0;
}
