// Forged signal frames. First the guest's own rt_sigreturn(2), whose results Linux defines; then frames given to the stub's return,
// which is the host's: any mask, stack, selector, address and extended state. A thread that forges its mask is deaf to the kernel's
// kicks; it must still be possible to kill.
#define LIMIT_MS 500
#include "attack.h"
#include <sys/syscall.h>
#include <sys/ucontext.h>

enum { FRAME_BYTES = 16384, RIP = 16, FLAGS = 17, SELECTORS = 18 };

struct frame { // struct rt_sigframe from its ucontext on
  unsigned long flags, link;
  stack_t stack;
  unsigned long regs[23], fpstate, reserved[8];
  unsigned long mask;
};

static unsigned long site_now, sites[4];
static int site_count = 1;
static unsigned char *buffer, *fpu;
static struct frame *frame;
static volatile unsigned long *landed;

__attribute__((noreturn, used)) static void landing(void) {
  *landed = 1;
  syscall(SYS_getppid);
  *landed = 2;
  syscall(SYS_exit_group, 5);
  for (;;) continue;
}
__attribute__((noreturn, used)) static void spin(void) {
  *landed = 1;
  for (;;) continue;
}

static ucontext_t live;
static unsigned long live_fpu_size;
static void keep(int s, siginfo_t *info, void *context) {
  (void)s, (void)info;
  memcpy(&live, context, sizeof live);
  unsigned char *state = (unsigned char *)live.uc_mcontext.fpregs;
  unsigned *marks = (unsigned *)(state + 464);
  live_fpu_size = marks[0] == 0x46505853 ? marks[1] : 512;
  memcpy(fpu, state, live_fpu_size);
}

// The alternate stack that the host has for this thread, as its last frame tells: without it no trap works after a return.
static void host_stack(void) {
  for (unsigned long at = STUB_DATA; at < STUB_DATA + 0x4000; at += 8) {
    int unreadable = TRY((void)*(volatile char *)at);
    if (unreadable) return;
    const stack_t *stack = (const stack_t *)at;
    if ((unsigned)stack->ss_flags == 0x80000000 && (unsigned long)stack->ss_sp - STUB_DATA < 4096) {
      frame->stack = *stack;
      return;
    }
  }
}

// A frame that returns to `target` with its own stack and the state that this thread has.
static void prepare(void (*target)(void)) {
  for (int s = 1; s < 32; s++) signal(s, SIG_DFL);
  buffer = mmap(NULL, FRAME_BYTES * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fpu = buffer + FRAME_BYTES * 2;
  landed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *landed = 0; // there before any fault is masked
  struct sigaction sa = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR2, &sa, NULL);
  raise(SIGUSR2);
  frame = (struct frame *)(buffer + 8192);
  memcpy(frame, &live, sizeof *frame);
  frame->regs[RIP] = (unsigned long)target;
  frame->regs[15] = (unsigned long)(buffer + FRAME_BYTES * 4 - 8);
  frame->fpstate = (unsigned long)fpu;
  frame->mask = 0;
  if (site_now == sites[0]) return;
  signal(SIGSEGV, come_back);
  host_stack();
  signal(SIGSEGV, SIG_DFL);
}

// Where rt_sigreturn is called from: the program's own code, or one of the stub's instructions.
static void find_sites(void) {
  const unsigned char *code = (const unsigned char *)STUB_CODE;
  static const unsigned char own[] = {0x0f, 0x05, 0x0f, 0x0b};
  unsigned char *page = code_page(NULL, 4096);
  memcpy(page, own, sizeof own);
  sites[0] = (unsigned long)page;
  static const unsigned char sigreturn[] = {15, 0, 0, 0, 0x0f, 0x05}; // the end of `mov $15, %rax; syscall`
  for (unsigned at = 0; at < 4096 - sizeof sigreturn && site_count < 4; at++)
    if (memcmp(code + at, sigreturn, sizeof sigreturn) == 0) sites[site_count++] = STUB_CODE + at + 4;
  OK(site_count > 1);
}
static void sigreturn_at(unsigned long site) {
  asm volatile("mov %0, %%rsp\n mov $15, %%eax\n jmp *%1" ::"r"(frame), "r"(site) : "memory");
  __builtin_unreachable();
}
#define FORGED(name, target, ...) ANY(name, prepare(target); __VA_ARGS__; sigreturn_at(site_now))

static void selectors(void) {
  static const unsigned long bad[] = {0, 3, 0x10, 0x18, 0x23, 0x2b, 0x3b, 0x43, 0x53, 0x7b, 0xf, 0x8f, 0xffff};
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    FORGED("cs", landing, frame->regs[SELECTORS] = (frame->regs[SELECTORS] & ~0xfffful) | bad[i]);
    FORGED("ss", landing, frame->regs[SELECTORS] = (frame->regs[SELECTORS] & 0xfffffffffffful) | bad[i] << 48);
    FORGED("ss, not strict", landing, frame->flags &= ~4ul; frame->regs[SELECTORS] = (frame->regs[SELECTORS] & 0xfffffffffffful) | bad[i] << 48);
    FORGED("fs and gs", landing, frame->regs[SELECTORS] |= bad[i] << 16 | bad[i] << 32);
  }
}

static void addresses(void) {
  static const unsigned long bad[] = {0, GUEST_END, STUB_REQUEST, STUB_CODE, STUB_DATA, STUB_DATA + 600, 0x7fffffffeffe, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffffffffff600000, (unsigned long)-1};
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    FORGED("rip", landing, frame->regs[RIP] = bad[i]);
    FORGED("rsp", landing, frame->regs[15] = bad[i]);
    FORGED("fpstate", landing, frame->fpstate = bad[i]);
    FORGED("the alternate stack", landing, frame->stack = (stack_t){.ss_sp = (void *)bad[i], .ss_size = 65536});
    FORGED("the alternate stack and autodisarm", landing, frame->stack = (stack_t){.ss_sp = (void *)bad[i], .ss_flags = (int)0x80000000, .ss_size = 65536});
    FORGED("the frame", landing, frame = (struct frame *)bad[i]);
  }
  FORGED("flags", landing, frame->regs[FLAGS] = (unsigned long)-1);
  FORGED("TF", landing, frame->regs[FLAGS] |= 0x100);
  FORGED("AC and DF", landing, frame->regs[FLAGS] |= 0x40400);
  FORGED("NT, RF, VM, IOPL", landing, frame->regs[FLAGS] |= 0x3b000 | 0x4000);
}

static void extended_state(void) {
  static const unsigned long patterns[] = {0, 1, (unsigned long)-1, 0x8000000000000000, 0x600000007};
  FORGED("MXCSR", landing, *(unsigned *)(fpu + 24) = 0xffffffff);
  FORGED("MXCSR mask", landing, *(unsigned *)(fpu + 28) = 0xffffffff);
  FORGED("no magic", landing, *(unsigned *)(fpu + 464) = 0);
  FORGED("a huge size", landing, *(unsigned *)(fpu + 468) = 0xffffffff);
  FORGED("a huge xstate size", landing, *(unsigned *)(fpu + 480) = 0xffffffff);
  FORGED("a small xstate size", landing, *(unsigned *)(fpu + 480) = 16);
  for (int word = 0; word < 8; word++)
    for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) FORGED("xstate header", landing, ((unsigned long *)(fpu + 512))[word] = patterns[i]);
  for (unsigned i = 0; i < sizeof patterns / sizeof *patterns; i++) FORGED("features", landing, *(unsigned long *)(fpu + 472) = patterns[i]);
  FORGED("a misaligned state", landing, frame->fpstate += 8);
  FORGED("no state", landing, frame->fpstate = 0);
  FORGED("a state that ends in an unmapped page", landing, {
    unsigned char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    memcpy(page + 4096 - 640, fpu, 640);
    frame->fpstate = (unsigned long)page + 4096 - 640;
  });
}

// All signals blocked: a system call then has no handler to go to, and no kick is heard.
static void masks(void) {
  FORGED("all blocked, then a call", landing, frame->mask = (unsigned long)-1);
  FORGED("all blocked, then a loop", spin, frame->mask = (unsigned long)-1);
  FORGED("all blocked, then a fault", landing, frame->mask = (unsigned long)-1; frame->regs[RIP] = 8);
  for (int s = 1; s <= 64; s += 5) FORGED("one blocked", landing, frame->mask = 1ul << (s - 1));
}

// The killer of a deaf thread must not have to wait for it long, nor anybody else.
static void deaf_threads(void) {
  for (int end = 0; end < 3; end++) {
    double began = nowSeconds();
    const char *ended = IN_CHILD({
      prepare(spin);
      pthread_t other;
      if (end > 0) pthread_create(&other, NULL, (void *(*)(void *))pause, NULL);
      if (fork() == 0) {
        frame->mask = (unsigned long)-1;
        sigreturn_at(site_now);
      }
      while (end < 2 && !*landed) sleepMs(1);
      if (end < 2) _exit(0);
      frame->mask = (unsigned long)-1;
      pthread_create(&other, NULL, (void *(*)(void *))sigreturn_at, (void *)site_now);
      for (int i = 0; i < 500 && !*landed; i++) sleepMs(1);
      char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      page[0] = 1;
      munmap(page, 4096); // what others have unmapped, a deaf thread must not have either
      syscall(SYS_execve, "/proc/self/exe", (char *[]){"frames", "over", NULL}, (char *[]){NULL}); // ends the other threads
    });
    OK(strcmp(ended, "exited 99") != 0);
    OK(nowSeconds() - began < 60);
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "over") == 0) return 6;
  find_sites();
  for (int i = 0; i < site_count; i++) {
    site_now = sites[i];
    FORGED("a plain frame", landing, (void)0);
    if (strcmp(IN_CHILD(prepare(landing); sigreturn_at(site_now)), "exited 5") != 0) continue; // no way back from here
    selectors();
    addresses();
    extended_state();
    masks();
    deaf_threads();
  }
  return done();
}
