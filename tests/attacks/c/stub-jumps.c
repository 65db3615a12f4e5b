// Jumps to every byte of the stub's page, with registers that make the most of what may stand there: system call numbers, wild and
// meaningful pointers. Any signal may come of it, or the attacker's end; never a call to the host, never harm to others.
#define LIMIT_MS 150
#include "attack.h"
#include "jumps.h"

enum { CODE_BYTES = 4096, QUIET = 96 };

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
  OK(cases->tried > 0);
  OK(getpid() == me);
  return done();
}
