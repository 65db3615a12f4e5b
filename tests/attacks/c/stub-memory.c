// Every way to name the stub's addresses: loads and stores, and system calls that map, unmap, protect, read or write. What skas
// keeps there is neither changed nor shown, and calls answer as Linux does for addresses beyond user space.
#include "attack.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static const unsigned long addresses[] = {GUEST_END,          GUEST_END + 4096,    STUB_REQUEST - 4096, STUB_REQUEST, STUB_CODE, STUB_CODE + 4096,
                                          STUB_DATA - 4096,   STUB_DATA,           STUB_DATA + 4096,    STUB_DATA + 65536, 0x7fffffffe000, 0x7ffffffff000,
                                          0x800000000000,     0xffff800000000000,  0xffffffffff600000};
enum { COUNT = sizeof addresses / sizeof *addresses };

static void refused(long result, const char *call, unsigned long address) {
  if (result == -1) return;
  printf("FAIL %s of %lx: %ld\n", call, address, result);
  failures++;
}
#define REFUSED(call) refused((long)(call), #call, address)

static void mapping_calls(unsigned long address) {
  void *at = (void *)address;
  void *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static const unsigned long lengths[] = {4096, 8192, 0x10000, 0x10000000000, (unsigned long)-4096};
  for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    unsigned long n = lengths[i];
    REFUSED(mmap(at, n, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    REFUSED(mmap(at, n, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    REFUSED(munmap(at, n));
    REFUSED(mprotect(at, n, PROT_READ | PROT_WRITE | PROT_EXEC));
    REFUSED(madvise(at, n, MADV_DONTNEED));
    REFUSED(madvise(at, n, MADV_REMOVE));
    REFUSED(mremap(at, n, n + 4096, MREMAP_MAYMOVE));
    REFUSED(mremap(own, 4096, n, MREMAP_MAYMOVE | MREMAP_FIXED, at));
    REFUSED(msync(at, n, MS_SYNC));
    REFUSED(mlock(at, n));
    // Ranges that begin in user space and end in the stub.
    if (address <= STUB_DATA + 65536) {
      unsigned long begin = GUEST_END - 4096, length = address + n - begin;
      if (length < n || (length & 4095) || begin + length <= GUEST_END) continue;
      REFUSED(mmap((void *)begin, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
      REFUSED(munmap((void *)begin, length));
      REFUSED(mprotect((void *)begin, length, PROT_NONE));
    }
  }
  // A hint there is no order.
  void *hint = mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  OK(hint != MAP_FAILED && (unsigned long)hint < GUEST_END);
  munmap(hint, 4096);
  munmap(own, 8192);
  unsigned long end = (unsigned long)syscall(SYS_brk, at);
  OK(end < GUEST_END);
}

static void access_calls(unsigned long address, int file, int *pipes) {
  void *at = (void *)address;
  char buffer[64] = "abcdefgh";
  struct iovec here = {buffer, 8}, there = {at, 8};
  struct timespec soon = {0, 1000};
  REFUSED(write(pipes[1], at, 8));
  if (write(pipes[1], buffer, 8) == 8) REFUSED(read(pipes[0], at, 8));
  REFUSED(pread(file, at, 8, 0));
  REFUSED(pwrite(file, at, 8, 0));
  REFUSED(preadv(file, &there, 1, 0));
  REFUSED(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
  REFUSED(process_vm_writev(getpid(), &here, 1, &there, 1, 0));
  REFUSED(syscall(SYS_futex, at, FUTEX_WAIT, 0, &soon, NULL, 0));
  REFUSED(syscall(SYS_futex, at, FUTEX_WAKE, 1, NULL, NULL, 0));
  REFUSED(syscall(SYS_futex, at, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0));
  REFUSED(syscall(SYS_futex, at, FUTEX_LOCK_PI, 0, &soon, NULL, 0));
  REFUSED(syscall(SYS_get_robust_list, 0, at, at));
  REFUSED(syscall(SYS_arch_prctl, 0x1004, at));
  REFUSED(syscall(SYS_clock_gettime, 0, at));
  REFUSED(stat("/", at));
  REFUSED(sigaltstack(NULL, at));
  int memory = open("/proc/self/mem", O_RDWR);
  OK(memory >= 0);
  if (memory >= 0) {
    REFUSED(pread(memory, buffer, 8, (off_t)address));
    REFUSED(pwrite(memory, buffer, 8, (off_t)address));
    close(memory);
  }
}

static void loads_and_stores(void) {
  static const struct { unsigned long from, to; bool readable; } ranges[] = {
      {GUEST_END, GUEST_END + 0x4000, false}, {STUB_REQUEST - 0x4000, STUB_REQUEST, false}, {STUB_REQUEST, STUB_REQUEST + 0x4000, true}};
  for (unsigned i = 0; i < 3; i++) {
    for (unsigned long at = ranges[i].from; at < ranges[i].to; at += 64) {
      int load = TRY((void)*(volatile char *)at);
      OK(load == SIGSEGV || (load == 0 && ranges[i].readable));
      OK(TRY(*(volatile char *)at = 1) == SIGSEGV);
      OK(TRY(asm volatile("lock orl $0, (%0)" ::"r"(at) : "memory")) == SIGSEGV);
    }
  }
}

// Nothing of the host: no address of its own, no mapping that /proc would show.
static void leaks(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512];
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long from = strtoul(line, NULL, 16);
    if (from >= GUEST_END && from < 0xffffffff00000000) printf("FAIL shown: %s", line), failures++;
  }
}

// System calls that keep an address for later.
static void kept_addresses(unsigned long address) {
  void *at = (void *)address;
  ANY("robust list", syscall(SYS_set_robust_list, at, 24); _exit(0));
  ANY("tid address", syscall(SYS_set_tid_address, at); _exit(0));
  ANY("child's tid", {
    long pid = syscall(SYS_clone, 0x01200000 | 0x00100000 | SIGCHLD, 0, at, at, 0); // CHILD_SETTID, CHILD_CLEARTID, PARENT_SETTID
    if (pid == 0) _exit(0);
    waitpid((pid_t)pid, NULL, 0);
  });
  ANY("rseq", syscall(SYS_rseq, at, 32, 0, 0x53053053); getppid());
  ANY("a handler", {
    struct sigaction sa = {.sa_handler = (void (*)(int))at, .sa_flags = SA_ONSTACK};
    stack_t ss = {.ss_sp = at, .ss_size = 65536};
    sigaltstack(&ss, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
  });
  ANY("a restorer", {
    struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } sa = {come_back, 0x04000000, at, 0};
    signal(SIGUSR1, SIG_DFL);
    syscall(SYS_rt_sigaction, SIGUSR1, &sa, NULL, 8);
    sigsetjmp(back_, 1);
    static int once;
    if (once++ == 0) raise(SIGUSR1);
  });
  ANY("a thread's stack", {
    long tid = syscall(SYS_clone, 0x50f00, at, NULL, NULL, 0);
    sleepMs(5);
  });
}

int main(void) {
  catch_all();
  int pipes[2], file = open("stub-memory.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
  OK(file >= 0 && pipe(pipes) == 0 && write(file, "0123456789abcdef", 16) == 16);
  for (int i = 0; i < COUNT; i++) {
    mapping_calls(addresses[i]);
    access_calls(addresses[i], file, pipes);
  }
  for (int i = 3; i < 9; i++) kept_addresses(addresses[i]);
  loads_and_stores();
  leaks();
  unlink("stub-memory.tmp");
  return done();
}
