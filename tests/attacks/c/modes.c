// 32-bit entries: `int 0x80`, `sysenter`, 32-bit code, x32. skas has no 32-bit calls: they answer ENOSYS or end in a signal, and
// above all they reach neither the host nor, by its truncated addresses, the stub.
#include "attack.h"
#include <sys/wait.h>

// Puts code to an address below 4 GiB, with data behind it.
static unsigned char *low(unsigned long where) { return code_page((void *)where, 8192); }

// Goes to 32-bit code at `where` with a stack above it.
static void compat(unsigned long where) {
  struct { unsigned offset; unsigned short selector; } __attribute__((packed)) target = {(unsigned)where, 0x23};
  asm volatile("mov %2, %%ds\n mov %2, %%es\n mov %1, %%rsp\n xor %%ebp, %%ebp\n ljmp *(%0)" ::"r"(&target), "r"(where + 8000), "r"(0x2b) : "memory");
}
static void run32(const unsigned char *code, size_t length) {
  unsigned char *page = low(0x10000000);
  memcpy(page, code, length);
  compat(0x10000000);
}
#define RUN32(...) run32((const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__}))

static void from64(void) {
  static const long numbers[] = {0, 1, 4, 5, 11, 20, 37, 90, 120, 125, 173, 192, 252, 354, 512, 1000, 0x40000000, 0x40000027, -1};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    long result = 0;
    TRY(asm volatile("int $0x80" : "=a"(result) : "a"(numbers[i]), "b"(99), "c"(0), "d"(0), "S"(0), "D"(0) : "r8", "r9", "r10", "r11", "memory"));
    OK(result == -ENOSYS);
    OK(syscall(0x40000000 | numbers[i], 1, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS);
  }
  long result = 0;
  int ended = TRY(asm volatile("mov %%rsp, %%rbp\n sysenter" : "=a"(result) : "a"(1), "b"(99) : "rcx", "rdx", "rbp", "memory"));
  OK(ended != 0 || result == -ENOSYS);
}

static void from32(void) {
  // exit(99) by each 32-bit way; where it comes back, the code ends by ud2.
  ANY("int 0x80 in 32-bit code", RUN32(0xb8, 1, 0, 0, 0, 0xbb, 99, 0, 0, 0, 0xcd, 0x80, 0x0f, 0x0b));
  ANY("sysenter in 32-bit code", RUN32(0xb8, 1, 0, 0, 0, 0xbb, 99, 0, 0, 0, 0x89, 0xe5, 0x0f, 0x34, 0x0f, 0x0b));
  ANY("syscall in 32-bit code", RUN32(0xb8, 1, 0, 0, 0, 0xbb, 99, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b));
  ENDS("hlt in 32-bit code", "killed by SIGSEGV", RUN32(0xf4));
  ENDS("a fault in 32-bit code", "killed by SIGSEGV", RUN32(0xa1, 0, 0, 0, 0xf0));
  ENDS("ud2 in 32-bit code", "killed by SIGILL", RUN32(0x0f, 0x0b));
  ANY("into in 32-bit code", RUN32(0xb0, 0x7f, 0x04, 1, 0xce, 0x0f, 0x0b));
  ANY("bound in 32-bit code", RUN32(0x31, 0xc0, 0x48, 0xbb, 0, 0x10, 0, 0x10, 0x62, 0x03, 0x0f, 0x0b));
}

// The stub's addresses modulo 4 GiB: were the stub ever run in 32-bit mode, this code would be, with the host's calls open to it.
static void escape_below(void) {
  static const unsigned char escape[] = {0xb8, 252, 0, 0, 0, 0xbb, 99, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xfe}; // exit_group(99)
  unsigned char *page = code_page((void *)(STUB_CODE & 0xffffffff), 4096);
  if (!page) return; // below the lowest address that can be had
  memset(page, 0x90, 4096);
  memcpy(page + 4096 - sizeof escape, escape, sizeof escape);
}

// 32-bit code that touches fresh memory, page by page, so that the kernel has to map; it ends by ud2.
static void touch(void) {
  escape_below();
  mmap((void *)0x20000000, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  RUN32(0xb8, 0, 0, 0, 0x20, 0xc7, 0, 1, 0, 0, 0, 0x05, 0, 0x10, 0, 0, 0x3d, 0, 0, 0x10, 0x20, 0x72, 0xee, 0x0f, 0x0b);
}

static volatile int changed;
static void *change_mappings(void *unused) {
  (void)unused;
  for (int i = 0; i < 300; i++) {
    char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = 1;
    mprotect(page, 4096, PROT_READ);
    munmap(page, 65536);
    changed = i;
  }
  _exit(7);
}

int main(void) {
  catch_all();
  from64();
  for (int i = 0; i < 15; i++) signal(i, SIG_DFL);
  from32();
  ENDS("32-bit code touches fresh memory", "killed by SIGILL", touch());
  ENDS("a thread in 32-bit code while others change the mappings", "exited 7", {
    escape_below();
    pthread_t thread;
    pthread_create(&thread, NULL, change_mappings, NULL);
    RUN32(0xeb, 0xfe);
  });
  ENDS("processes in 32-bit code", "exited 7", {
    escape_below();
    pthread_t thread;
    pthread_create(&thread, NULL, change_mappings, NULL);
    for (int i = 0; i < 10; i++) if (fork() == 0) RUN32(0xeb, 0xfe);
    RUN32(0x89, 0xe0, 0x40, 0xeb, 0xfd);
  });
  return done();
}
