// attack: native
// Ways into the kernel and out of user mode that have one right result on Linux: it is the same under skas.
#include "attack.h"

static void raw(const unsigned char *bytes, size_t length) {
  unsigned char *page = code_page(NULL, 4096);
  memcpy(page, bytes, length);
  ((void (*)(void))page)();
}
#define RAW(...) raw((const unsigned char[]){__VA_ARGS__, 0xc3}, sizeof((const unsigned char[]){__VA_ARGS__, 0xc3}))

static void privileged(void) {
  CASE("hlt", RAW(0xf4));
  CASE("cli", RAW(0xfa));
  CASE("sti", RAW(0xfb));
  CASE("in", RAW(0xe4, 0x60));
  CASE("out", RAW(0xe6, 0x80));
  CASE("insb", RAW(0x6c));
  CASE("mov cr0", RAW(0x0f, 0x20, 0xc0));
  CASE("mov dr7", RAW(0x0f, 0x21, 0xf8));
  CASE("wrmsr", RAW(0x0f, 0x30));
  CASE("rdmsr", RAW(0x0f, 0x32));
  CASE("lgdt", RAW(0x0f, 0x01, 0x14, 0x24));
  CASE("invd", RAW(0x0f, 0x08));
  CASE("swapgs", RAW(0x0f, 0x01, 0xf8));
  CASE("clts", RAW(0x0f, 0x06));
  CASE("sysret", RAW(0x0f, 0x07));
  CASE("sysexit", RAW(0x0f, 0x35));
  CASE("iret to ring 0", RAW(0x6a, 0x10, 0x54, 0x9c, 0x6a, 0x08, 0x6a, 0x00, 0x48, 0xcf));
  CASE("int 1", RAW(0xcd, 0x01));
  CASE("int 2", RAW(0xcd, 0x02));
  CASE("int3", RAW(0xcc));
  CASE("int 3", RAW(0xcd, 0x03));
  CASE("int1", RAW(0xf1));
  CASE("int 0x81", RAW(0xcd, 0x81));
  CASE("ud2", RAW(0x0f, 0x0b));
  CASE("a long prefix", RAW(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90));
  CASE("lock nop", RAW(0xf0, 0x90));
}

static void wild_jumps(void) {
  CASE("jump to a non-canonical address", ((void (*)(void))0x800000000000)());
  CASE("jump to the kernel", ((void (*)(void))0xffffffff81000000)());
  CASE("jump to TASK_SIZE's last byte", ((void (*)(void))0x7fffffffffff)());
  CASE("jump to 0", ((void (*)(void))0)());
  CASE("jump to data", {
    static char data[64] __attribute__((aligned(4096)));
    ((void (*)(void))data)();
  });
}

static long flags_after(unsigned long flags, bool call) {
  unsigned long after;
  asm volatile(
      "push %1\n popf\n test %2, %2\n je 1f\n mov $39, %%eax\n syscall\n 1: pushf\n pop %0\n push $0x202\n popf\n"
      : "=&r"(after) : "r"(flags), "r"((long)call) : "rax", "rcx", "r11", "cc", "memory");
  return (long)(after & ~0x8d5ul & ~0x4ul); // without the arithmetic ones
}

static volatile int steps;
static volatile long at_syscall;
static void on_trap(int s, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  (void)s;
  if (steps == 0) printf("single step: code %d\n", info->si_code);
  steps++;
  if (steps > 40) uc->uc_mcontext.gregs[REG_EFL] &= ~0x100;
}
// How many instructions trap between popf with TF and popf without.
static int stepped(bool call) {
  steps = 0;
  asm volatile("push $0x302\n popf\n nop\n nop\n test %0, %0\n je 1f\n mov $39, %%eax\n syscall\n nop\n nop\n 1: nop\n push $0x202\n popf\n nop\n"
               ::"r"((long)call) : "rax", "rcx", "r11", "cc", "memory");
  return steps;
}

static void flags(void) {
  for (int call = 0; call < 2; call++) {
    CASE("DF", printf("flags with DF: %lx\n", flags_after(0x602, call)));
    CASE("AC", printf("flags with AC: %lx\n", flags_after(0x40202, call)));
    CASE("ID", printf("flags with ID: %lx\n", flags_after(0x200202, call)));
    CASE("NT", printf("flags with NT: %lx\n", flags_after(0x4202, call)));
    CASE("IOPL", printf("flags with IOPL: %lx\n", flags_after(0x3202, call)));
    CASE("TF without a handler", flags_after(0x302, call));
    CASE("TF with one", {
      struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
      sigaction(SIGTRAP, &sa, NULL);
      int n = stepped(call);
      printf("stepped %d\n", n);
    });
  }
  CASE("AC and a misaligned access", {
    char bytes[16];
    asm volatile("push $0x40202\n popf\n movl $1, 1(%0)\n push $0x202\n popf" ::"r"(bytes) : "memory");
  });
  CASE("AC and a misaligned access after a call", {
    char bytes[16];
    asm volatile("push $0x40202\n popf\n mov $39, %%eax\n syscall\n movl $1, 1(%0)\n push $0x202\n popf" ::"r"(bytes) : "rax", "rcx", "r11", "memory");
  });
}

static void page_ends(void) {
  // `syscall` as the last bytes of a page, the next one unmapped: the call is made, the return faults.
  CASE("syscall at the end of a page", {
    unsigned char *page = code_page(NULL, 8192);
    munmap(page + 4096, 4096);
    unsigned char code[] = {0xb8, 0xe7, 0, 0, 0, 0xbf, 5, 0, 0, 0, 0x0f, 0x05}; // exit_group(5)
    memcpy(page + 4096 - sizeof code, code, sizeof code);
    ((void (*)(void))(page + 4096 - sizeof code))();
  });
  CASE("syscall at the end of a page that returns", {
    unsigned char *page = code_page(NULL, 8192);
    munmap(page + 4096, 4096);
    unsigned char code[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05};
    memcpy(page + 4096 - sizeof code, code, sizeof code);
    ((void (*)(void))(page + 4096 - sizeof code))();
  });
  CASE("half of a syscall at the end of a page", {
    unsigned char *page = code_page(NULL, 8192);
    munmap(page + 4096, 4096);
    unsigned char code[] = {0xb8, 39, 0, 0, 0, 0x0f};
    memcpy(page + 4096 - sizeof code, code, sizeof code);
    ((void (*)(void))(page + 4096 - sizeof code))();
  });
  CASE("a syscall across two pages", {
    unsigned char *page = code_page(NULL, 8192);
    unsigned char code[] = {0xb8, 0xe7, 0, 0, 0, 0xbf, 6, 0, 0, 0, 0x0f, 0x05};
    memcpy(page + 4096 - sizeof code + 1, code, sizeof code);
    ((void (*)(void))(page + 4096 - sizeof code + 1))();
  });
  CASE("a call that unmaps its own code", {
    unsigned char *page = code_page(NULL, 4096);
    unsigned char code[] = {0x0f, 0x05, 0xc3};
    memcpy(page, code, sizeof code);
    asm volatile("call *%0" ::"r"(page), "a"(11l), "D"(page), "S"(4096l) : "rcx", "r11", "memory");
  });
}

static void vsyscalls(void) {
  static const struct { const char *name; unsigned long at; } entries[] = {
      {"gettimeofday", 0xffffffffff600000}, {"time", 0xffffffffff600400}, {"getcpu", 0xffffffffff600800}};
  for (int i = 0; i < 3; i++) {
    char name[80];
    snprintf(name, sizeof name, "vsyscall %s", entries[i].name);
    CASE(name, {
      long buffer[4] = {0};
      long result = ((long (*)(void *, void *, void *))entries[i].at)(i == 1 ? NULL : buffer, NULL, NULL);
      printf("%s %d\n", entries[i].name, i == 1 ? result > 1000000000 : (int)result);
      if (i == 0) printf("seconds %d\n", buffer[0] > 1000000000);
    });
    for (int odd = 1; odd < 16; odd += 7) {
      snprintf(name, sizeof name, "vsyscall %s + %d", entries[i].name, odd);
      CASE(name, ((long (*)(void *, void *, void *))(entries[i].at + odd))(NULL, NULL, NULL));
    }
  }
  CASE("vsyscall page read", printf("%d\n", *(volatile char *)0xffffffffff600000));
  CASE("vsyscall page, its last byte", ((void (*)(void))0xffffffffff600fff)());
  CASE("vsyscall page, a fourth call", ((void (*)(void))0xffffffffff600c00)());
}

static void bad_stacks(void) {
  static const unsigned long stacks[] = {0, 8, 0x7f8000000000, 0x7fc000000800, 0x7fc000001800, 0x7fffffffeff8, 0x800000000000, 0xffff800000000000, 0xffffffffff600800, (unsigned long)-8};
  for (unsigned i = 0; i < sizeof stacks / sizeof *stacks; i++) {
    char name[80];
    snprintf(name, sizeof name, "a signal with the stack at %lx", stacks[i]);
    CASE(name, {
      signal(SIGSEGV, come_back);
      signal(SIGUSR1, come_back);
      long pid = getpid();
      asm volatile("mov %1, %%rsp\n mov $62, %%eax\n mov $10, %%esi\n syscall\n" ::"D"(pid), "r"(stacks[i]) : "rax", "rsi", "rcx", "r11", "memory");
    });
    snprintf(name, sizeof name, "a fault with the stack at %lx", stacks[i]);
    CASE(name, {
      signal(SIGSEGV, come_back);
      asm volatile("mov %0, %%rsp\n push %%rax\n hlt" ::"r"(stacks[i]) : "memory");
    });
    snprintf(name, sizeof name, "an alternate stack at %lx", stacks[i]);
    CASE(name, {
      stack_t ss = {.ss_sp = (void *)stacks[i], .ss_size = 65536};
      printf("%d\n", sigaltstack(&ss, NULL));
      fflush(stdout);
      struct sigaction sa = {.sa_handler = come_back, .sa_flags = SA_ONSTACK};
      sigaction(SIGSEGV, &sa, NULL);
      asm volatile("hlt");
    });
  }
}

static void selectors(void) {
  static const unsigned short values[] = {0, 1, 3, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x3b, 0x43, 0x53, 0x7b, 0xfff, 0xffff};
  for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
    char name[80];
    snprintf(name, sizeof name, "gs = %x", values[i]);
    CASE(name, {
      unsigned long base = 1;
      unsigned short after;
      asm volatile("mov %1, %%gs\n mov $39, %%eax\n syscall\n mov %%gs, %0" : "=r"(after) : "r"(values[i]) : "rax", "rcx", "r11");
      syscall(SYS_arch_prctl, 0x1004, &base);
      printf("%x, base %lx\n", after & ~3, base); // returns clear the privilege level of null selectors
    });
    snprintf(name, sizeof name, "ss = %x", values[i]);
    CASE(name, {
      unsigned short after;
      asm volatile("mov %1, %%ss\n mov $39, %%eax\n syscall\n mov %%ss, %0" : "=r"(after) : "r"(values[i]) : "rax", "rcx", "r11");
      printf("%x\n", after);
    });
    snprintf(name, sizeof name, "ds and es = %x", values[i]);
    CASE(name, {
      unsigned short after;
      asm volatile("mov %1, %%ds\n mov %1, %%es\n mov $39, %%eax\n syscall\n mov %%ds, %0" : "=r"(after) : "r"(values[i]) : "rax", "rcx", "r11");
      printf("%x\n", after & ~3);
    });
    snprintf(name, sizeof name, "a far jump to %x", values[i]);
    if (values[i] != 0x23 && values[i] != 0x33) CASE(name, {
      struct { unsigned offset; unsigned short selector; } __attribute__((packed)) target = {0x1000, values[i]};
      asm volatile("ljmp *(%0)" ::"r"(&target) : "memory");
    });
  }
}

static void bases(void) {
  static const unsigned long values[] = {0, 1, 0x7f7ffffffff8, 0x7f8000000000, 0x7fc000000000, 0x7fc000001000, 0x7fc000010000, 0x7fffffffefff, 0x7ffffffff000, 0x800000000000, 0xffffffff81000000, (unsigned long)-1};
  for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
    char name[80];
    unsigned long base = 1;
    snprintf(name, sizeof name, "arch_prctl gs base %lx", values[i]);
    if (values[i] < 0x7f8000000000 || values[i] > 0x7ffffffff000) CASE(name, { // between the two skas' user space has ended
      printf("%ld\n", syscall(SYS_arch_prctl, 0x1001, values[i]));
      syscall(SYS_arch_prctl, 0x1004, &base);
      printf("base %lx\n", base);
    });
    snprintf(name, sizeof name, "wrgsbase %lx", values[i]);
    CASE(name, {
      asm volatile("wrgsbase %0" ::"r"(values[i]));
      getppid();
      getppid();
      asm volatile("rdgsbase %0" : "=r"(base));
      printf("base %lx\n", base);
    });
    snprintf(name, sizeof name, "wrfsbase %lx", values[i]);
    CASE(name, {
      unsigned long mine, result;
      asm volatile("rdfsbase %0\n wrfsbase %2\n mov $39, %%eax\n syscall\n mov $110, %%eax\n syscall\n rdfsbase %1\n wrfsbase %0"
                   : "=&r"(mine), "=&r"(result) : "r"(values[i]) : "rax", "rcx", "r11");
      printf("base %lx\n", result);
    });
  }
}

int main(void) {
  privileged();
  wild_jumps();
  flags();
  page_ends();
  vsyscalls();
  bad_stacks();
  selectors();
  bases();
  return done();
}
