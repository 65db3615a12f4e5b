// guest: kernel=6.10
// mseal(2): errors, and what a sealed area refuses: in a child too, and in part of a larger area.
#include "t.h"
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define PAGE 4096

static char *area(int pages, int prot) { return mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static long mseal(void *at, unsigned long length, unsigned long flags) { return syscall(SYS_mseal, at, length, flags); }

static void refusals(char *a) {
  R(munmap(a, PAGE));
  R(munmap(a, 8 * PAGE));
  R(mprotect(a + 2 * PAGE, PAGE, PROT_NONE));
  R(mprotect(a + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE));
  S(mmap(a + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  S(mremap(a + 2 * PAGE, PAGE, 4 * PAGE, MREMAP_MAYMOVE));
  S(mremap(a + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE));
  char *target = area(8, PROT_READ);
  S(mremap(target, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a + 2 * PAGE));
  munmap(target, 8 * PAGE);
  // Writable: discarding is nothing that a write could not do.
  R(madvise(a + 2 * PAGE, PAGE, MADV_DONTNEED));
  R(madvise(a + 2 * PAGE, PAGE, MADV_NORMAL));
}

int main(void) {
  char *a = area(8, PROT_READ | PROT_WRITE);
  R(mseal(a, PAGE, 1));
  R(mseal(a + 1, PAGE, 0));
  R(mseal(a, -4095UL, 0));
  R(mseal(a, 0, 0));
  char *holes = area(4, PROT_READ);
  OK(munmap(holes + PAGE, PAGE) == 0);
  R(mseal(holes, 4 * PAGE, 0));
  R(mseal(holes + PAGE, PAGE, 0));
  R(mprotect(holes, PAGE, PROT_NONE));
  memset(a, 'x', 8 * PAGE);
  R(mseal(a + 2 * PAGE, 2 * PAGE - 1, 0));
  R(mseal(a + 2 * PAGE, PAGE, 0));
  refusals(a);
  pid_t child = fork();
  if (child == 0) {
    refusals(a);
    _exit(0);
  }
  reap("child", child);
  OK(a[PAGE] == 'x' && a[2 * PAGE] == 0 && a[3 * PAGE] == 'x');
  a[2 * PAGE] = 'y';
  R(munmap(a, 2 * PAGE));
  R(mprotect(a + 4 * PAGE, 4 * PAGE, PROT_READ));
  char *constants = area(2, PROT_READ);
  R(mseal(constants, PAGE, 0));
  R(madvise(constants, PAGE, MADV_DONTNEED));
  R(madvise(constants, 2 * PAGE, MADV_DONTFORK));
  R(madvise(constants, PAGE, MADV_WILLNEED));
  R(madvise(constants + PAGE, PAGE, MADV_DONTNEED));
  return done();
}
