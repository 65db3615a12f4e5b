// guest: cflags=-mavx2
// Vector registers, mxcsr and the x87 control word stay intact over signals, system calls, faults and thread switches.
#include "t.h"
#include <immintrin.h>
static volatile int stop, handled;
static void clobber(int s) {
  (void)s;
  handled++;
  asm volatile(
      "vpcmpeqd %%ymm0,%%ymm0,%%ymm0; vpcmpeqd %%ymm1,%%ymm1,%%ymm1; vpcmpeqd %%ymm7,%%ymm7,%%ymm7; vpcmpeqd %%ymm15,%%ymm15,%%ymm15"
      ::: "ymm0", "ymm1", "ymm7", "ymm15");
  unsigned csr = 0x1f80 | 0x6000;
  asm volatile("ldmxcsr %0" ::"m"(csr));
  unsigned short cw = 0xf7f;
  asm volatile("fldcw %0" ::"m"(cw));
}
static int check(unsigned seed, void (*between)(void *), void *arg) {
  unsigned in[8], out0[8], out7[8], out15[8];
  for (unsigned i = 0; i < 8; i++) in[i] = seed * 2654435761u + i;
  // The call must not be made from C with live ymm registers: do it by hand, saving what the ABI does not.
  asm volatile(
      "vmovdqu (%[in]),%%ymm0\n\tvmovdqu (%[in]),%%ymm7\n\tvmovdqu (%[in]),%%ymm15\n\t"
      "cmp $0,%[k]\n\tje 2f\n\t"
      "mov $186,%%eax\n\tsyscall\n\t"
      "2: mov $50000,%%ecx\n\t1: dec %%ecx\n\tjnz 1b\n\t"
      "vmovdqu %%ymm0,(%[o0])\n\tvmovdqu %%ymm7,(%[o7])\n\tvmovdqu %%ymm15,(%[o15])"
      ::[in] "r"(in), [o0] "r"(out0), [o7] "r"(out7), [o15] "r"(out15), [k] "r"((long)(between != NULL)) : "rax", "rcx", "r11", "memory", "ymm0", "ymm7", "ymm15");
  (void)arg;
  return memcmp(in, out0, 32) || memcmp(in, out7, 32) || memcmp(in, out15, 32);
}
static void *worker(void *arg) {
  long bad = 0;
  for (unsigned i = 0; !stop; i++) bad += check((unsigned)(long)arg * 1000 + i, i & 1 ? (void (*)(void *))1 : NULL, NULL);
  return (void *)bad;
}
static void onFault(int s, siginfo_t *i, void *c) {
  (void)s; (void)c;
  clobber(0);
  mprotect((void *)((uintptr_t)i->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE);
}
int main(void) {
  signal(SIGALRM, clobber);
  struct itimerval it = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &it, NULL);
  long bad = 0;
  double end = nowSeconds() + 0.4;
  for (unsigned i = 0; nowSeconds() < end || handled < 20; i++) bad += check(i, i & 1 ? (void (*)(void *))1 : NULL, NULL);
  printf("signals handled %d, damaged %ld\n", handled >= 20, bad);
  pthread_t t[4];
  for (long i = 0; i < 4; i++) pthread_create(&t[i], NULL, worker, (void *)i);
  sleepMs(400);
  stop = 1;
  for (int i = 0; i < 4; i++) { void *r; pthread_join(t[i], &r); bad += (long)r; }
  it = (struct itimerval){0};
  setitimer(ITIMER_REAL, &it, NULL);
  printf("threads damaged %ld\n", bad);
  // Across a fault with a handler.
  struct sigaction sa = {.sa_sigaction = onFault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &sa, NULL);
  char *m = mmap(NULL, 4096 * 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 16; i++) {
    unsigned in[8] = {1, 2, 3, 4, 5, 6, 7, (unsigned)i}, out[8];
    asm volatile("vmovdqu (%0),%%ymm15\n\tmovb $1,(%2)\n\tvmovdqu %%ymm15,(%1)" ::"r"(in), "r"(out), "r"(m + i * 4096) : "memory", "ymm15");
    bad += memcmp(in, out, 32) != 0;
  }
  printf("fault damaged %ld\n", bad);
  unsigned csr;
  unsigned short cw;
  asm volatile("stmxcsr %0" : "=m"(csr));
  asm volatile("fnstcw %0" : "=m"(cw));
  printf("mxcsr %x cw %x\n", csr & ~0x3fu, cw);
  // Rounding modes and the x87 stack are inherited by fork and by threads, reset by exec.
  unsigned down = 0x3f80;
  asm volatile("ldmxcsr %0" ::"m"(down));
  pid_t p = fork();
  if (p == 0) { asm volatile("stmxcsr %0" : "=m"(csr)); _exit((csr & 0x6000) == 0x2000 ? 0 : 1); }
  reap("fork inherits mxcsr", p);
  long double x = 1.0L;
  asm volatile("fldt %0; mov $39,%%eax; syscall; fstpt %0" : "+m"(x)::"rax", "rcx", "r11");
  printf("x87 %d\n", x == 1.0L);
  p = fork();
  if (p == 0) {
    unsigned long long v[4] = {11, 22, 33, 44}, w[4];
    asm volatile("vmovdqu (%0),%%ymm9; mov $57,%%eax; syscall; vmovdqu %%ymm9,(%1); test %%eax,%%eax; jnz 1f; mov $231,%%eax; xor %%edi,%%edi; cmpq $44,24(%1); je 2f; inc %%edi; 2: syscall; 1:"
                 ::"r"(v), "r"(w) : "rax", "rcx", "r11", "rdi", "memory", "ymm9");
    int st;
    wait(&st);
    _exit(WEXITSTATUS(st) || memcmp(v, w, 32) ? 1 : 0);
  }
  reap("raw fork keeps ymm", p);
  return done();
}
