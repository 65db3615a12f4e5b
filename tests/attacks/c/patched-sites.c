// Patched system calls: a place in program text that makes many becomes a jump through a pointer far below, to code of the stub. An
// attacker writes to all of these, takes their mappings away, jumps into their middle, makes calls with another thread's gs, and
// changes the text while others call. Calls answer as before, or the attacker dies.
#define LIMIT_MS 300
#include "attack.h"
#include "jumps.h"

#define SITE_SLOTS 0x60000ul
#define STUB_JUMPS (STUB_CODE + 0x6000ul)
#define STUB_RETURNS (STUB_CODE + 0x1000ul)
enum { SLOT_PAGES = 5, JUMP_BYTES = 40 * 32, SITE_BYTES = 16, HEAT = 100, STRIDE = 8192 };

// A page of its own.
asm(".section .text.site, \"ax\"\n .balign 4096\n .skip 64, 0x90\n .globl site\nsite: endbr64\n mov $110, %eax\n syscall\n ret\n .balign 4096\n .text");
long site(void); // getppid
static unsigned char *const code = (unsigned char *)site, *const page = (unsigned char *)site - 64;

static long parent;
// Made hot, so that it is patched.
static void heat(void) {
  for (int i = 0; i < HEAT; i++) if (site() != parent) _exit(97);
}
static void works(const char *after) {
  if (site() != parent || syscall(SYS_getppid) != parent) printf("FAIL calls after %s\n", after), failures++;
}

// The pages behind a patched call are not the guest's: what does as if they were fails or does nothing.
static void mappings(unsigned long at, const char *name) {
  int there = TRY((void)*(volatile char *)at);
  if (there != 0) return; // another platform
  for (int i = 0; i < 4096; i += 8) {
    int written = TRY(*(volatile unsigned long *)(at + (unsigned)i) = 0x4141414141414141);
    if (written != SIGSEGV) printf("FAIL %s: a write at %d: %d\n", name, i, written), failures++;
  }
  void *where = (void *)at;
  mprotect(where, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  munmap(where, 4096);
  mremap(where, 4096, 8192, MREMAP_MAYMOVE);
  mremap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, where);
  madvise(where, 4096, MADV_DONTNEED);
  OK(mmap(where, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
  int memory = open("/proc/self/mem", O_RDWR);
  OK(pwrite(memory, "AAAAAAAA", 8, (off_t)at) < 0);
  close(memory);
  works(name);
}

static void *call_all_the_time(void *unused) {
  for (;;) if (site() != parent) _exit(99);
  return unused;
}
// The same bytes are written to the text again and again, with the protection changed or another page put there.
static void writers(void) {
  static unsigned char copy[4096];
  memcpy(copy, page, sizeof copy);
  pthread_t thread;
  for (int i = 0; i < 2; i++) pthread_create(&thread, NULL, call_all_the_time, NULL);
  for (int i = 0; i < 60; i++) {
    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy(code + 4, copy + 64 + 4, 7); // what was there when it began: the jump, or the call itself
    if (i % 8 == 0) madvise(page, 4096, MADV_DONTNEED);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
  }
  for (int i = 0; i < HEAT; i++) if (site() != parent) _exit(99);
}
// The same for one who writes something else: the other threads die of it, the call is never another one.
static void vandals(void) {
  pthread_t thread;
  for (int i = 0; i < 2; i++) pthread_create(&thread, NULL, call_all_the_time, NULL);
  unsigned seed = 7;
  mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  for (int i = 0; i < 100000; i++) seed = seed * 1664525u + 1013904223u, code[4 + (seed >> 16) % 8] = (unsigned char)(seed >> 24);
}
static void gone(void) {
  pthread_t thread;
  for (int i = 0; i < 2; i++) pthread_create(&thread, NULL, call_all_the_time, NULL);
  for (volatile int i = 0; i < 100000; i++) continue;
  munmap(page, 4096);
  for (;;) pause();
}

// gs says whose call it is: that of another thread, of nobody, of the pages around.
static void *sleeper(void *unused) {
  pause();
  return unused;
}
static void with_gs(unsigned long base) {
  pthread_t thread;
  pthread_create(&thread, NULL, sleeper, NULL);
  asm volatile("wrgsbase %0" ::"r"(base));
  long got = site();
  asm volatile("wrgsbase %0" ::"r"(0ul));
  if (got != parent && base < STUB_DATA) _exit(99);
}

int main(int argc, char **argv) {
  catch_all();
  parent = getppid();
  heat();
  works("its begin");
  int patches = TRY((void)*(volatile char *)SITE_SLOTS);
  OK(patches != 0 || code[4] == 0xff);
  for (unsigned long i = 0; i < SLOT_PAGES; i++) mappings(SITE_SLOTS + i * 4096, "the slots");
  mappings(STUB_RETURNS, "the returns");
  for (unsigned long i = 0; i < 4; i++) mappings(STUB_JUMPS + i * 4096, "the jumps");
  long me = getpid();
  parent = me; // from here on in children
  ANY("writers", heat(); writers());
  ANY("vandals", heat(); vandals());
  ANY("unmapped text", heat(); gone());
  static const unsigned long bases[] = {0, 8, STUB_DATA, STUB_DATA + STRIDE, STUB_DATA - 8, STUB_DATA + 64, STUB_DATA + 4096, STUB_DATA + 64 * STRIDE, STUB_CODE, STUB_REQUEST, SITE_SLOTS, 0x7ffffffff000};
  for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++) ANY("gs", heat(); with_gs(bases[i]));
  // Every byte of a site, of the pointers and of the code behind them.
  const struct { unsigned long at, bytes; } places[] = {{(unsigned long)code, SITE_BYTES}, {SITE_SLOTS + 0x7f8, 16}, {SITE_SLOTS + 4 * 4096ul, 96}, {STUB_JUMPS, JUMP_BYTES}, {STUB_RETURNS, 64}};
  unsigned long total = 0;
  for (unsigned i = 0; i < 5; i++) total += places[i].bytes;
  cases_t *cases = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *cases = cases_of(total * PATTERNS, argc, argv);
  for (unsigned long deaths = 0; deaths <= cases->count; deaths++) {
    const char *end = IN_CHILD({
      unsigned long *scratch = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      struct itimerval t = {{0, 5000}, {0, 5000}};
      setitimer(ITIMER_REAL, &t, NULL);
      heat();
      for (long next = next_case(cases); next >= 0; next = next_case(cases)) {
        unsigned long offset = (unsigned long)next / PATTERNS, i = 0;
        while (offset >= places[i].bytes) offset -= places[i++].bytes;
        struct registers r = pattern((int)next % PATTERNS, scratch);
        TRY(go(&r, places[i].at + offset));
        if (getpid() == me) _exit(99);
      }
      _exit(70);
    });
    OK(strcmp(end, "exited 99") != 0);
    if (strcmp(end, "exited 70") == 0) break;
  }
  OK(cases->tried > 0);
  parent = getppid();
  works("all");
  return done();
}
