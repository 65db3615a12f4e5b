// Jumps to every byte of the stub's page, with registers that make the most of what may stand there: system call numbers, wild and
// meaningful pointers. Any signal may come of it, or the attacker's end; never a call to the host, never harm to others.
#define LIMIT_MS 150
#include "attack.h"
#include <sys/syscall.h>

enum { CODE_BYTES = 4096, PATTERNS = 3, QUIET = 96 };

struct registers { unsigned long rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15; };

__attribute__((noinline)) static void go(struct registers *r, unsigned long target) {
  asm volatile(
      "push %1\n pop %%r11\n mov %0, %%rax\n"
      "push %%r11\n"
      "mov 8(%%rax), %%rbx\n mov 16(%%rax), %%rcx\n mov 24(%%rax), %%rdx\n mov 32(%%rax), %%rsi\n mov 40(%%rax), %%rdi\n mov 48(%%rax), %%rbp\n"
      "mov 64(%%rax), %%r8\n mov 72(%%rax), %%r9\n mov 80(%%rax), %%r10\n mov 96(%%rax), %%r12\n mov 104(%%rax), %%r13\n mov 112(%%rax), %%r14\n mov 120(%%rax), %%r15\n"
      "mov (%%rax), %%rax\n ret"
      ::"r"(r), "r"(target) : "memory");
}

static struct registers pattern(int number, unsigned long *scratch) {
  static const unsigned long calls[] = {SYS_rt_sigreturn, SYS_mmap, SYS_futex};
  struct registers r;
  unsigned long *word = (unsigned long *)&r;
  for (int i = 0; i < 16; i++) {
    switch (number) {
      case 0: word[i] = (unsigned long)scratch; break;
      case 1: word[i] = STUB_REQUEST + 8 * (unsigned)i; break;
      default: word[i] = STUB_DATA + 64 * (unsigned)i; break;
    }
  }
  r.rax = calls[number];
  return r;
}

int main(int argc, char **argv) {
  unsigned char *code = (unsigned char *)STUB_CODE;
  cases_t *cases = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int end = CODE_BYTES;
  unsigned long deaths = 0;
  pid_t me = getpid();
  catch_all();
  int readable = TRY((void)*(volatile unsigned char *)code);
  OK(readable == 0);
  while (end > 0 && code[end - 1] == code[CODE_BYTES - 1]) end--; // what follows the code is all alike
  if (end < CODE_BYTES - QUIET) end += QUIET;
  *cases = cases_of((unsigned long)end * PATTERNS, argc, argv);
  // Those that take the process along are counted and gone past.
  for (int is_over = 0; !is_over; deaths++) {
    is_over = strcmp(IN_CHILD({
      unsigned long *scratch = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      struct itimerval t = {{0, 5000}, {0, 5000}};
      setitimer(ITIMER_REAL, &t, NULL);
      for (long next = next_case(cases); next >= 0; next = next_case(cases)) {
        struct registers r = pattern((int)next % PATTERNS, scratch);
        TRY(go(&r, STUB_CODE + (unsigned long)next / PATTERNS));
        if (getpid() == me) _exit(99);
      }
      _exit(70);
    }), "exited 70") == 0;
    if (deaths > cases->count) break;
  }
  OK(deaths <= cases->count);
  OK(cases->tried > 100);
  OK(getpid() == me);
  return done();
}
