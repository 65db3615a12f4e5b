// Faults as signals: SIGSEGV handler that maps the page and returns, si_code and si_addr, SIGFPE, SIGILL, SIGTRAP, SIGBUS, registers.
#include "t.h"
#include <ucontext.h>
static char *region;
static volatile int faults;
static void mapper(int s, siginfo_t *i, void *c) {
  (void)s; (void)c;
  faults++;
  char *page = (char *)((uintptr_t)i->si_addr & ~4095UL);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static sigjmp_buf env;
static siginfo_t got;
static long gotErr, gotTrap, gotCr2;
static void catcher(int s, siginfo_t *i, void *c) {
  (void)s;
  ucontext_t *u = c;
  got = *i;
  gotErr = u->uc_mcontext.gregs[REG_ERR];
  gotTrap = u->uc_mcontext.gregs[REG_TRAPNO];
  gotCr2 = u->uc_mcontext.gregs[REG_CR2];
  siglongjmp(env, 1);
}
#define TRY(what, code) do { if (sigsetjmp(env, 1) == 0) { code; printf("%s: no signal\n", what); } \
  else printf("%s: SIG%s code %d\n", what, sigabbrev_np(got.si_signo), got.si_code); } while (0)
static void skipper(int s, siginfo_t *i, void *c) { (void)s; (void)i; ((ucontext_t *)c)->uc_mcontext.gregs[REG_RIP] += 2; faults++; }
static void setter(int s, siginfo_t *i, void *c) {
  (void)s; (void)i;
  ucontext_t *u = c;
  u->uc_mcontext.gregs[REG_RAX] = 0x1122334455667788;
  u->uc_mcontext.gregs[REG_RIP] += 2;
}
int main(void) {
  region = mmap(NULL, 64 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction sa = {.sa_sigaction = mapper, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &sa, NULL);
  for (int i = 0; i < 64; i++) region[i * 4096 + 5] = (char)i;
  int sum = 0;
  for (int i = 0; i < 64; i++) sum += region[i * 4096 + 5];
  printf("mapped on demand: faults %d sum %d\n", faults, sum);

  sa.sa_sigaction = catcher;
  int list[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) sigaction(list[i], &sa, NULL);
  TRY("null read", *(volatile char *)0);
  printf("addr 0 %d err %ld trap %ld cr2 %ld\n", got.si_addr == 0, gotErr, gotTrap, gotCr2);
  TRY("null write", *(volatile char *)8 = 1);
  printf("addr 8 %d err %ld\n", got.si_addr == (void *)8, gotErr);
  mprotect(region, 4096, PROT_READ);
  TRY("write to read-only", region[3] = 1);
  printf("addr ok %d err %ld\n", got.si_addr == region + 3, gotErr);
  mprotect(region, 4096, PROT_NONE);
  TRY("read of PROT_NONE", *(volatile char *)region);
  mprotect(region, 4096, PROT_READ | PROT_WRITE);
  TRY("exec of data", ((void (*)(void))(void *)region)());
  printf("err %ld\n", gotErr);
  TRY("jump to 0x10", ((void (*)(void))0x10)());
  TRY("non-canonical", *(volatile char *)0x8000000000000000ULL);
  printf("addr 0 %d trap %ld\n", got.si_addr == 0, gotTrap);
  TRY("kernel address", *(volatile char *)0xffff800000000000ULL);
  volatile int zero = 0, one = 1;
  TRY("int divide", one /= zero);
  TRY("ud2", asm volatile("ud2"));
  TRY("int3", asm volatile("int3"));
  TRY("hlt", asm volatile("hlt"));
  TRY("cli", asm volatile("cli"));
  TRY("in", asm volatile("inb $0x80, %%al" ::: "al"));
  TRY("mov cr0", { unsigned long v; asm volatile("mov %%cr0, %0" : "=r"(v)); });
  TRY("bad segment", asm volatile("mov %0, %%ds" ::"r"(0x1234)));
  int f = open("two", O_RDWR | O_CREAT | O_TRUNC, 0644);
  ftruncate(f, 5000);
  char *m = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  m[4999] = 1;
  m[8191] = 1;
  TRY("past end of file", m[8192] = 1);
  printf("addr ok %d\n", got.si_addr == m + 8192);
  char *pm = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
  TRY("past end, private", pm[8192] = 1);
  ftruncate(f, 0);
  TRY("truncated away", *(volatile char *)m);
  // Kernel-made SIGSEGV with an unusable stack: the process dies.
  pid_t p = fork();
  if (p == 0) { asm volatile("mov $8, %rsp; push %rax"); _exit(0); }
  reap("bad stack with handler", p);
  // A blocked synchronous fault kills.
  p = fork();
  if (p == 0) {
    sigset_t s;
    sigfillset(&s);
    sigprocmask(SIG_SETMASK, &s, NULL);
    *(volatile int *)0 = 1;
    _exit(0);
  }
  reap("blocked fault", p);
  p = fork();
  if (p == 0) { signal(SIGSEGV, SIG_IGN); *(volatile int *)0 = 1; _exit(0); }
  reap("ignored fault", p);
  // Handlers that change the interrupted context.
  faults = 0;
  sa.sa_sigaction = skipper;
  sigaction(SIGILL, &sa, NULL);
  for (int i = 0; i < 10; i++) asm volatile("ud2");
  printf("skipped %d\n", faults);
  sa.sa_sigaction = setter;
  sigaction(SIGILL, &sa, NULL);
  unsigned long rax;
  asm volatile("xor %%eax,%%eax; ud2" : "=a"(rax));
  printf("rax set by the handler: %lx\n", rax);
  // Every general register survives a fault that is served silently and one with a handler.
  sa.sa_sigaction = mapper;
  sigaction(SIGSEGV, &sa, NULL);
  mprotect(region, 4096, PROT_NONE);
  unsigned long bad;
  asm volatile(
      "mov $1,%%rbx; mov $2,%%rcx; mov $3,%%rdx; mov $4,%%rsi; mov $6,%%r8; mov $7,%%r9; mov $8,%%r10; mov $9,%%r11; mov $10,%%r12; mov $11,%%r13;"
      "mov $12,%%r14; mov $13,%%r15; stc; movb $1,(%1);"
      "setc %%al; movzbl %%al,%%eax; xor $1,%%rax; xor $1,%%rbx; xor $2,%%rcx; xor $3,%%rdx; xor $4,%%rsi; xor $6,%%r8; xor $7,%%r9; xor $8,%%r10;"
      "xor $9,%%r11; xor $10,%%r12; xor $11,%%r13; xor $12,%%r14; xor $13,%%r15;"
      "or %%rbx,%%rax; or %%rcx,%%rax; or %%rdx,%%rax; or %%rsi,%%rax; or %%r8,%%rax; or %%r9,%%rax; or %%r10,%%rax; or %%r11,%%rax; or %%r12,%%rax;"
      "or %%r13,%%rax; or %%r14,%%rax; or %%r15,%%rax"
      : "=a"(bad) : "D"(region) : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
  printf("registers damaged by a fault: %lx\n", bad);
  return done();
}
