// mremap, madvise, mincore, mlock, brk, copy on write over generations of fork.
#include "t.h"
int main(void) {
  char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;
  for (int i = 0; i < 4; i++) p[i * 4096] = (char)('a' + i);
  // Shrink in place, grow with a move, fixed, dontunmap.
  q = mremap(p, 4 * 4096, 2 * 4096, 0);
  R(q == p);
  char *wall = mmap(p + 2 * 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  OK(wall == p + 2 * 4096);
  q = mremap(p, 2 * 4096, 8 * 4096, 0);
  R(q == MAP_FAILED ? -1 : 0);
  q = mremap(p, 2 * 4096, 8 * 4096, MREMAP_MAYMOVE);
  OK(q != MAP_FAILED && q != p);
  printf("moved %c%c%d\n", q[0], q[4096], q[2 * 4096]);
  char *dst = mmap(NULL, 16 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  p = mremap(q, 8 * 4096, 8 * 4096, MREMAP_MAYMOVE | MREMAP_FIXED, dst);
  R(p == dst);
  printf("fixed %c%c\n", p[0], p[4096]);
#define RM(...) (errno = 0, q = mremap(__VA_ARGS__), show("mremap(" #__VA_ARGS__ ")", q == MAP_FAILED ? -1 : 0))
  RM(p + 1, 4096, 4096, MREMAP_MAYMOVE);
  RM(p, 4096, 0, MREMAP_MAYMOVE);
  RM(p, 4096, 8192, MREMAP_FIXED, dst);
  RM(p, 2 * 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, p);
  RM((void *)0x1000, 4096, 8192, MREMAP_MAYMOVE);
  RM(p, 4096, 8192, 0x100);
  RM(p, 1UL << 46, 1UL << 47, MREMAP_MAYMOVE);
  // Old size 0 duplicates a shared mapping.
  char *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  q = mremap(s, 0, 4096, MREMAP_MAYMOVE);
  OK(q != MAP_FAILED && q != s);
  strcpy(s, "dup");
  printf("%s\n", q);
  // In-place growth into free space.
  p = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(p + 4096, 63 * 4096);
  q = mremap(p, 4096, 32 * 4096, 0);
  R(q == p);
  // madvise.
  memset(p, 'z', 32 * 4096);
  R(madvise(p, 4 * 4096, MADV_DONTNEED));
  printf("dontneed %d %c\n", p[0], p[4 * 4096]);
  R(madvise(p, 4096, MADV_NORMAL));
  R(madvise(p, 4096, MADV_WILLNEED));
  R(madvise(p, 4096, MADV_HUGEPAGE) <= 0 ? 0 : 1);
  R(madvise(p, 4096, 12345));
  R(madvise(p + 1, 4096, MADV_NORMAL));
  R(madvise((void *)0x1000, 4096, MADV_DONTNEED));
  R(madvise(p, 0, MADV_DONTNEED));
  strcpy(s, "kept");
  R(madvise(s, 4096, MADV_DONTNEED));
  printf("shared after dontneed %s\n", s);
  R(madvise(p + 8 * 4096, 4096, MADV_FREE));
  p[8 * 4096] = 'f';
  printf("%c\n", p[8 * 4096]);
  p[20 * 4096] = 'w';
  R(madvise(p + 20 * 4096, 4096, 18 /* MADV_WIPEONFORK */));
  R(madvise(p + 21 * 4096, 4096, MADV_DONTFORK));
  pid_t c = fork();
  if (c == 0) { unsigned char v; int gone = mincore(p + 21 * 4096, 4096, &v) == -1 && errno == ENOMEM; _exit(p[20 * 4096] == 0 && gone ? 0 : 1); }
  reap("wipeonfork, dontfork", c);
  unsigned char v[40];
  R(mincore(p, 32 * 4096, v));
  printf("resident %d %d\n", v[9] & 1, v[31] & 1);
  R(mincore(p + 1, 4096, v));
  R(mincore((void *)0x1000, 4096, v));
  R(mincore(p, 4096, (void *)8));
  R(mlock(p, 4096));
  R(munlock(p, 4096));
  R(mlock((void *)0x1000, 4096));
  // brk.
  char *b0 = sbrk(0);
  R(brk(b0 + 100000));
  memset(b0, 'b', 100000);
  R((char *)sbrk(0) - b0);
  R(brk(b0));
  R(brk(b0 + 4096 * 10));
  int zero = 0;
  for (int i = 4096; i < 40960; i++) zero |= b0[i];
  printf("brk zeroes again %d\n", zero);
  R(syscall(SYS_brk, 0) == (long)(b0 + 40960));
  R(syscall(SYS_brk, 1) == (long)(b0 + 40960));
  // Copy on write over generations.
  p = mmap(NULL, 256 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 256; i++) *(int *)(p + i * 4096) = i;
  for (int gen = 0; gen < 4; gen++) {
    c = fork();
    if (c != 0) {
      for (int i = gen; i < 256; i += 4) *(int *)(p + i * 4096) = -1;
      int st;
      waitpid(c, &st, 0);
      long sum = 0;
      for (int i = 0; i < 256; i++) sum += *(int *)(p + i * 4096);
      printf("generation %d status %d sum %ld\n", gen, WEXITSTATUS(st), sum);
      if (gen > 0) _exit(gen);
      break;
    }
    for (int i = gen; i < 256; i += 16) *(int *)(p + i * 4096) = 1000 * gen;
    if (gen == 3) _exit(9);
  }
  // fork with a large heap written on both sides, byte-exact.
  char *big = malloc(8 << 20);
  for (int i = 0; i < 8 << 20; i++) big[i] = (char)(i * 7);
  c = fork();
  if (c == 0) {
    for (int i = 0; i < 8 << 20; i += 4096) big[i] ^= 0x55;
    for (int i = 0; i < 8 << 20; i++) if (big[i] != (char)((char)(i * 7) ^ (i % 4096 ? 0 : 0x55))) _exit(1);
    _exit(0);
  }
  for (int i = 100; i < 8 << 20; i += 8192) big[i]++;
  reap("COW child", c);
  int bad = 0;
  for (int i = 0; i < 8 << 20; i++) bad += big[i] != (char)((char)(i * 7) + (i % 8192 == 100));
  printf("COW parent bad %d\n", bad);
  // RLIMIT_AS and RLIMIT_DATA.
  c = fork();
  if (c == 0) {
    struct rlimit l = {256 << 20, 256 << 20};
    setrlimit(RLIMIT_AS, &l);
    errno = 0;
    show("mmap over RLIMIT_AS", mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    void *mem = malloc(512 << 20);
    printf("malloc %s\n", mem ? "worked" : "failed");
    _exit(0);
  }
  reap("limits", c);
  return done();
}
