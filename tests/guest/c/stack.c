// The stack grows on touch, within RLIMIT_STACK; the guard gap; big frames; the initial stack's contents (auxv, alignment).
#include "t.h"
#include <elf.h>
#include <sys/auxv.h>
static volatile char sink;
__attribute__((noinline)) static int deep(int n) {
  volatile char pad[4000];
  pad[0] = (char)n;
  return n == 0 ? pad[0] : deep(n - 1) + pad[0] - (char)n;
}
static void *threadDeep(void *a) { return (void *)(long)deep((int)(long)a); }
static void run(const char *what, rlim_t limit, int frames) {
  pid_t p = fork();
  if (p == 0) {
    struct rlimit l = {limit, limit};
    setrlimit(RLIMIT_STACK, &l);
    deep(frames);
    _exit(0);
  }
  reap(what, p);
}
int main(void) {
  run("within 8 MB", 8 << 20, 900);
  run("beyond 8 MB", 8 << 20, 2300);
  run("beyond 1 MB", 1 << 20, 400);
  run("within 64 MB", 64 << 20, 5000);
  pid_t p = fork();
  if (p == 0) {
    volatile char big[3 << 20];
    big[0] = 1;
    for (int i = 0; i < 3 << 20; i += 4096) big[i] = 1;
    _exit(big[4096]);
  }
  reap("3 MB array, lowest byte first", p);
  p = fork();
  if (p == 0) { char here; sink = *(&here - (100 << 20)); _exit(0); }
  reap("far below the stack", p);
  pthread_t t;
  void *r;
  pthread_create(&t, NULL, threadDeep, (void *)900);
  pthread_join(t, &r);
  printf("thread stack ok\n");
  p = fork();
  if (p == 0) { pthread_attr_t a; pthread_attr_init(&a); pthread_attr_setstacksize(&a, 128 * 1024); pthread_create(&t, &a, threadDeep, (void *)1000); pthread_join(t, NULL); _exit(0); }
  reap("thread guard page", p);
  printf("AT_PAGESZ %lu AT_CLKTCK %lu AT_SECURE %lu uid ok %d\n", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_SECURE), getauxval(AT_UID) == getuid());
  printf("AT_RANDOM %d AT_EXECFN %s AT_PLATFORM %s AT_PHENT %lu AT_PHDR %d AT_ENTRY %d\n", getauxval(AT_RANDOM) != 0, (char *)getauxval(AT_EXECFN),
         (char *)getauxval(AT_PLATFORM), getauxval(AT_PHENT), getauxval(AT_PHDR) != 0, getauxval(AT_ENTRY) != 0);
  printf("AT_SYSINFO_EHDR is an ELF %d\n", getauxval(AT_SYSINFO_EHDR) == 0 || memcmp((void *)getauxval(AT_SYSINFO_EHDR), "\177ELF", 4) == 0);
  char line[300];
  int stack = 0, grows = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  while (f && fgets(line, sizeof line, f)) {
    if (!strstr(line, "[stack]")) continue;
    unsigned long a, b;
    sscanf(line, "%lx-%lx", &a, &b);
    stack = (unsigned long)&line >= a && (unsigned long)&line < b;
    grows = b - a;
  }
  printf("[stack] holds the frame %d size sane %d\n", stack, grows > 0);
  return done();
}
