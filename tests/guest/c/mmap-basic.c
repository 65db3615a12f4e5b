// mmap, munmap, mprotect, MAP_FIXED, NOREPLACE, hints, errors, holes, partial unmaps, /proc/self/maps agrees.
#include "t.h"
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
static sigjmp_buf env;
static void segv(int s) { (void)s; siglongjmp(env, 1); }
static const char *access_(volatile char *p) {
  static char out[3];
  out[0] = out[1] = '-';
  if (!sigsetjmp(env, 1)) { (void)*p; out[0] = 'r'; }
  if (!sigsetjmp(env, 1)) { *p = *p; out[1] = 'w'; }
  return out;
}
static int mapped(char *p, size_t len) {
  // Number of mappings in maps that lie in [p, p+len), and their permissions.
  char line[300];
  FILE *f = fopen("/proc/self/maps", "r");
  int n = 0;
  while (f && fgets(line, sizeof line, f)) {
    unsigned long a, b;
    char perm[5];
    sscanf(line, "%lx-%lx %4s", &a, &b, perm);
    if (a >= (unsigned long)p && b <= (unsigned long)p + len) { printf("  +%lx-%lx %s\n", a - (unsigned long)p, b - (unsigned long)p, perm); n++; }
  }
  if (f) fclose(f);
  return n;
}
int main(void) {
  signal(SIGSEGV, segv);
  // Inaccessible pages on both sides, so that no neighbour merges with ours.
  char *p = mmap(NULL, 12 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
  mprotect(p, 10 * 4096, PROT_READ | PROT_WRITE);
  OK(p != MAP_FAILED && ((uintptr_t)p & 4095) == 0);
  for (int i = 0; i < 10 * 4096; i++) OK(p[i] == 0);
  memset(p, 'x', 10 * 4096);
  R(mprotect(p + 4096, 4096, PROT_READ));
  R(mprotect(p + 2 * 4096, 4096, PROT_NONE));
  R(munmap(p + 4 * 4096, 2 * 4096));
  for (int i = 0; i < 10; i++) printf("page %d %s\n", i, access_(p + i * 4096));
  mapped(p, 10 * 4096);
  R(mprotect(p, 10 * 4096, PROT_READ | PROT_WRITE));
  printf("page 3 %s page 7 %s\n", access_(p + 3 * 4096), access_(p + 7 * 4096));
  R(mprotect(p, 4 * 4096, PROT_READ | PROT_WRITE));
  printf("data kept %c %c\n", p[4096], p[2 * 4096]);
  char *q = mmap(p + 4 * 4096, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  R(q == p + 4 * 4096);
  printf("fresh %d %d neighbours %c %c\n", q[0], q[4096], p[4 * 4096 - 1], p[6 * 4096]);
  R(mprotect(p + 6 * 4096, 4 * 4096, PROT_READ | PROT_WRITE));
  printf("mappings %d\n", mapped(p, 10 * 4096));
  q = mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  R(q == MAP_FAILED ? -1 : 0);
  errno = 0;
#define M(...) (errno = 0, q = mmap(__VA_ARGS__), show("mmap(" #__VA_ARGS__ ")", q == MAP_FAILED ? -1 : 0))
  M(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  M(NULL, -1UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  M(NULL, 1UL << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  M((void *)4097, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  M((void *)0xffff800000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  M((void *)0x7ffffffff000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  M(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0);
  M(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0);
  M(NULL, 4096, PROT_READ, MAP_PRIVATE, 1000, 0);
  int dir = open(".", O_RDONLY);
  M(NULL, 4096, PROT_READ, MAP_PRIVATE, dir, 0);
  int f = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
  M(NULL, 4096, PROT_READ, 3 /* MAP_SHARED_VALIDATE */ | 0x10000000, f, 0);
  M(NULL, 4096, PROT_READ, MAP_PRIVATE, f, 100);
  int w = open("f", O_WRONLY);
  M(NULL, 4096, PROT_READ, MAP_PRIVATE, w, 0);
  int r = open("f", O_RDONLY);
  M(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, r, 0);
  M(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, r, 0);
  char *ro = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0);
  R(mprotect(ro, 4096, PROT_READ | PROT_WRITE));
  R(munmap(p + 1, 4096));
  R(munmap(p, 0));
  R(munmap((void *)0x7f0000000000, 4096));
  R(munmap((void *)0xffff800000000000, 4096));
  R(mprotect(p + 1, 4096, PROT_READ));
  R(mprotect((void *)0x1000, 4096, PROT_READ));
  R(mprotect(p, 4096, 0x100));
  R(mprotect(p, 0, PROT_READ));
  // Hints are honoured where free.
  char *area = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  munmap(area, 1 << 20);
  q = mmap(area, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("hint honoured %d\n", q == area);
  q = mmap(area, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("taken hint moved %d\n", q != area && q != MAP_FAILED);
  // Low and high fixed addresses.
  q = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  R(q == (void *)0x10000000);
  // A page both sides of which differ; unaligned access across pages.
  p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *(long *)(p + 4092) = 0x1122334455667788;
  R(*(long *)(p + 4092) == 0x1122334455667788);
  // Executable pages.
  unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
  memcpy(p, code, sizeof code);
  R(mprotect(p, 4096, PROT_READ | PROT_EXEC));
  R(((int (*)(void))(void *)p)());
  mprotect(p, 4096, PROT_READ | PROT_WRITE);
  p[1] = 43;
  mprotect(p, 4096, PROT_READ | PROT_EXEC);
  R(((int (*)(void))(void *)p)());
  // 4 GiB of address space, three touched pages.
  char *huge = mmap(NULL, 4UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  OK(huge != MAP_FAILED);
  huge[0] = huge[2UL << 30] = huge[(4UL << 30) - 1] = 'h';
  printf("huge %c%c%c%d\n", huge[0], huge[2UL << 30], huge[(4UL << 30) - 1], huge[1UL << 30]);
  R(munmap(huge, 4UL << 30));
  // Many small mappings with alternating protection.
  p = mmap(NULL, 2000 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 2000; i += 2) OK(mprotect(p + i * 4096, 4096, PROT_READ) == 0);
  for (int i = 1; i < 2000; i += 2) p[i * 4096] = 1;
  for (int i = 0; i < 2000; i++) OK(mprotect(p + i * 4096, 4096, PROT_READ | PROT_WRITE) == 0);
  long sum = 0;
  for (int i = 0; i < 2000; i++) sum += p[i * 4096];
  printf("sum %ld\n", sum);
  // The lowest address that may be mapped is what /proc says.
  FILE *lowest = fopen("/proc/sys/vm/mmap_min_addr", "r");
  unsigned long min = 0;
  OK(lowest && fscanf(lowest, "%lu", &min) == 1 && min >= 4096);
  OK(mmap((void *)min, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)min);
  return done();
}
