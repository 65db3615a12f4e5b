// Makes the host calls that the stub's code makes, at the stub's own instructions, with arguments of the attacker's: memory of all
// guests, a process or thread without a filter, words of the kernel. None may be made: the kernel is asked instead.
#define LIMIT_MS 60
#include "attack.h"
#include <linux/futex.h>
#include <sys/syscall.h>

static char *const loot = (char *)0x20000000;

static void call_at(unsigned long site, long number, long a, long b, long c, long d, long e, long f) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("jmp *%0" ::"b"(site), "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "memory");
  __builtin_unreachable();
}

static void steal(unsigned long site, int fd) {
  TRY(call_at(site, SYS_mmap, (long)loot, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
  if (TRY((void)*(volatile char *)loot) == 0) _exit(99);
}

static const struct { const char *name; long number, a, b, c, d; } calls[] = {
    {"mprotect", SYS_mprotect, (long)STUB_REQUEST, 4096, 7, 0},
    {"munmap", SYS_munmap, (long)STUB_CODE, 4096, 0, 0},
    {"clone", SYS_clone, 0x50f00, 0, 0, 0},
    {"clone a process", SYS_clone, SIGCHLD, 0, 0, 0},
    {"pwrite64", SYS_pwrite64, 23, (long)STUB_CODE, 64, 0},
    {"prctl", SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0},
    {"seccomp", SYS_seccomp, 1, 0, (long)STUB_CODE, 0},
    {"wait on the kernel's word", SYS_futex, (long)STUB_REQUEST + 3968, FUTEX_WAIT, 0, 0},
    {"wait on the doorbell", SYS_futex, (long)STUB_CODE + 4096, FUTEX_WAIT, 0, 0},
    {"wake the mm thread", SYS_futex, (long)STUB_REQUEST + 3968, FUTEX_WAKE, 1 << 30, 0},
    {"requeue", SYS_futex, (long)STUB_CODE + 4096, FUTEX_REQUEUE, 1, 1},
    {"getppid", SYS_getppid, 0, 0, 0, 0}};
enum { CALLS = sizeof calls / sizeof *calls, FDS = 36, SITES = 64 };

int main(int argc, char **argv) {
  const unsigned char *code = (const unsigned char *)STUB_CODE;
  unsigned long sites[SITES], count = 0;
  long here = getpid();
  catch_all();
  for (unsigned long at = 0; at < 4095 && count < SITES; at++)
    if (code[at] == 0x0f && code[at + 1] == 0x05) sites[count++] = STUB_CODE + at;
  OK(count > 0 && count < SITES);
  cases_t cases = cases_of(count * (CALLS + FDS), argc, argv);
  for (long next = next_case(&cases); next >= 0; next = next_case(&cases)) {
    unsigned long site = sites[next / (CALLS + FDS)];
    long call = next % (CALLS + FDS);
    if (call >= CALLS) ANY("mmap", steal(site, 3 + (int)call - CALLS));
    else ANY(calls[call].name, {
      TRY(call_at(site, calls[call].number, calls[call].a, calls[call].b, calls[call].c, calls[call].d, 0, 0));
      if (getpid() == here) _exit(99);
    });
  }
  OK(cases.tried > 0);
  return done();
}
