// guest: timeout=120
// Wild pointers and numbers at every system call of the table: the answer may be any errno or the caller's own death, never more.
// Natively, calls that a privileged caller could hurt the machine with are left out; under skas (SKAS_GUEST is set) all are made.
#include "t.h"
enum { LAST = 462 };
static const short hostile[] = {
    16, 56, 57, 58, 85, 101, 103, 134, 135, 136, 139, 141, 142, 144, 151, 152, 153, 154, 155, 156, 157, 159, 161, 162, 163, 164, 165, 166, 167, 168,
    170, 171, 172, 173, 174, 175, 176, 177, 178, 179, 180, 203, 212, 227, 246, 248, 249, 250, 251, 256, 272, 279, 285, 29, 30, 31, 64, 65, 66, 68, 69, 70,
    71, 91, 93, 298, 300, 301, 302, 303, 304, 305, 306, 308, 311, 312, 313, 314, 320, 321, 428, 429, 430, 431, 432, 433, 435, 440, 442, 443, 444, 445, 446,
    447, 448, 450, 454, 455, 456, 457, 458, 459, 460, 461};
static bool skipped(int nr, bool guest) {
  if (nr == 169 /* reboot */ || nr == 60 || nr == 231) return true;
  if (guest) return false;
  for (unsigned i = 0; i < sizeof hostile / sizeof *hostile; i++) if (hostile[i] == nr) return true;
  return false;
}
// Calls whose first argument names a process: only the caller itself.
static bool namesProcess(int nr) { return nr == 62 || nr == 200 || nr == 234 || nr == 129 || nr == 297 || nr == 424 || nr == 310 || nr == 109 || nr == 302; }
static long values[16];
static unsigned seed;
static unsigned rnd(void) { return (seed = seed * 1664525u + 1013904223u) >> 8; }
static void attack(int nr, int from, int *progress) {
  pid_t me = (pid_t)syscall(SYS_getpid), tid = (pid_t)syscall(SYS_gettid);
  for (int pattern = from; pattern < 40; pattern++) {
    *progress = pattern + 1;
    long a[6];
    seed = (unsigned)(nr * 1000 + pattern);
    for (int i = 0; i < 6; i++) a[i] = pattern < 14 ? values[pattern] : pattern < 20 && i > 0 ? values[pattern - 12] : pattern < 20 ? 3 : values[rnd() % 14];
    if (namesProcess(nr)) a[0] = me;
    // Waits get a short or a wild time, and an alarm ends the rest.
    struct itimerval t = {{0, 50000}, {0, 50000}};
    setitimer(ITIMER_REAL, &t, NULL);
    syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    if ((pid_t)syscall(SYS_getpid) != me || (pid_t)syscall(SYS_gettid) != tid) syscall(SYS_exit_group, 0);
  }
  syscall(SYS_exit_group, 0);
}
int main(void) {
  bool guest = getenv("SKAS_GUEST") != NULL;
  char *edge = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(edge, 'A', 4096);
  munmap(edge + 4096, 4096);
  char *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *rw = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int *progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  long init[] = {0, 1, -1, 8, 0x7fffffffffff, (long)0xffff800000000000, 0x7f8000000000, 0x7f8000001000, (long)edge + 4090, (long)ro, (long)rw, (long)edge + 4095,
                 (long)0x8000000000000000, 0x7fffffff};
  memcpy(values, init, sizeof init);
  int null = open("/dev/null", O_RDWR), hung = 0;
  OK(null == 3);
  for (int nr = 0; nr <= LAST; nr++) {
    if (skipped(nr, guest)) continue;
    *progress = 0;
    while (*progress < 40) {
      int before = *progress;
      pid_t p = fork();
      if (p == 0) {
        setpgid(0, 0);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        // A process of its own memory and time: no endless growth, no cores.
        struct rlimit small = {64 << 20, 64 << 20}, cpu = {1, 1}, files = {0, 0};
        setrlimit(RLIMIT_AS, &small);
        setrlimit(RLIMIT_CPU, &cpu);
        setrlimit(RLIMIT_CORE, &files);
        small.rlim_cur = small.rlim_max = 1 << 20;
        setrlimit(RLIMIT_FSIZE, &small);
        attack(nr, before, progress);
      }
      int st, waited = 0;
      while (waitpid(p, &st, WNOHANG) != p) {
        sleepMs(1);
        if (++waited == 3000) { kill(p, SIGKILL); hung++; printf("call %d pattern %d hangs\n", nr, *progress - 1); }
      }
      if (*progress == before) *progress = before + 1;
    }
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) continue;
  }
  printf("hung %d\n", hung);
  // Numbers outside of the table.
  long outside[] = {463, 500, 1000, 0x40000000, 0x40000001, 0x7fffffff, -1, -2, 0x80000000, 1L << 32};
  for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
    long r;
    asm volatile("syscall" : "=a"(r) : "a"(outside[i]), "D"(-1), "S"(8), "d"(0) : "rcx", "r11", "memory");
    if (outside[i] == 1L << 32) continue; // read(-1): only the low half counts
    OK(r == -ENOSYS || outside[i] == 463 || outside[i] == 500 || (outside[i] & 0x40000000));
  }
  return done();
}
