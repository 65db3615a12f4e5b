// System calls from places that are called often, which the kernel may change behind the program's back: nobody may notice.
// Threads at one place, fork and exec, signals at any moment, jumps into the middle, the text as files and mappings show it.
#include "t.h"
#include <sys/auxv.h>
enum { MANY = 400, THREADS = 6 };

// A place in a page of our own, with an entry at its system call instruction.
long hammer(long nr);
long hammerAt(long nr);
__asm__(".text\n.p2align 12\n.globl hammer, hammerAt\n"
        "hammer: nop; nop; nop; nop; nop; nop; mov $102, %eax; syscall; ret\n"
        "hammerAt: mov %rdi, %rax; lea hammer(%rip), %rdx; add $11, %rdx; xor %edi, %edi; xor %esi, %esi; jmp *%rdx\n"
        ".p2align 12\n");

static volatile sig_atomic_t handled;
static void onSignal(int signal) { (void)signal; handled++; errno = ENOTTY; getuid(); }

static void *threads(void *arg) {
  long bad = 0;
  for (int i = 0; i < MANY; i++) bad += hammer(0) != (long)getuid() || hammerAt(SYS_getuid) != (long)getuid();
  return (void *)(bad + (long)arg);
}

// Registers that a system call keeps, vector registers and flags, around a place that is changed meanwhile.
static int registersKept(void) {
  long before[2] = {0x123456789abcdef, -5}, after[2];
  unsigned long flags;
  __asm__ volatile("movq %3, %%xmm5; mov %4, %%r12; mov %3, %%r13; mov $0x7fffffff, %%ebx; add $1, %%ebx\n"
                   "nop; nop; nop; mov $102, %%eax; syscall\n"
                   "pushfq; pop %2; movq %%xmm5, %0; lea (%%r12), %1; cmp %3, %%r13; je 1f; xor %1, %1; 1:"
                   : "=r"(after[0]), "=r"(after[1]), "=r"(flags)
                   : "r"(before[0]), "r"(before[1])
                   : "rax", "rbx", "rcx", "r11", "r12", "r13", "xmm5", "memory", "cc");
  return after[0] == before[0] && after[1] == before[1] && (flags & 0x8c1) == 0x880;
}

// The pages of this program's text that hold hammer and libc's getppid, by mapping, and by the file at the same place.
static int textIsTheFiles(const void *place, const char *what) {
  char line[512], path[400];
  unsigned long start, end, offset, at = (unsigned long)place & ~4095ul;
  unsigned char file[4096], memory[4096];
  FILE *maps = fopen("/proc/self/maps", "r");
  int same = -1;
  while (maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %399s", &start, &end, &offset, path) != 4 || at < start || at >= end) continue;
    int fd = open(path, O_RDONLY), mem = open("/proc/self/mem", O_RDONLY);
    OK(pread(fd, file, 4096, (off_t)(offset + at - start)) == 4096);
    OK(pread(mem, memory, 4096, (off_t)at) == 4096);
    same = memcmp(file, memory, 4096) == 0;
    struct iovec to = {memory, 4096}, from = {(void *)at, 4096};
    memset(memory, 0, 4096);
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 4096) same &= memcmp(file, memory, 4096) == 0;
    int pipes[2];
    OK(pipe(pipes) == 0 && write(pipes[1], (void *)at, 4096) == 4096 && read(pipes[0], memory, 4096) == 4096);
    same &= memcmp(file, memory, 4096) == 0;
    void *shared = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, (off_t)(offset + at - start));
    same &= shared != MAP_FAILED && memcmp(file, shared, 4096) == 0;
    close(fd), close(mem), close(pipes[0]), close(pipes[1]);
    break;
  }
  fclose(maps);
  printf("%s: %s\n", what, same == 1 ? "as in the file" : "different");
  return same;
}

// Text that becomes writable is the file's, can be changed, and runs changed.
static void writableText(void) {
  unsigned char *page = (unsigned char *)((unsigned long)hammer & ~4095ul), *code = (unsigned char *)hammer;
  R(mprotect(page, 4096, PROT_READ | PROT_WRITE));
  printf("%02x %02x %02x %02x\n", code[6], code[7], code[11], code[12]);
  R(mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
  OK(hammer(0) == (long)getuid());
  code[7] = SYS_getpid;
  R(mprotect(page, 4096, PROT_READ | PROT_EXEC));
  long bad = 0;
  for (int i = 0; i < MANY; i++) bad += hammer(0) != getpid();
  printf("changed text: %ld bad\n", bad);
}

// Code made at run time, in anonymous memory and in a file mapped twice, changed between calls.
static void madeCode(void) {
  static const unsigned char code[] = {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3};
  int fd = (int)syscall(SYS_memfd_create, "code", 0);
  OK(ftruncate(fd, 4096) == 0);
  unsigned char *anonymous = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char *writer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  unsigned char *runner = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  memcpy(anonymous, code, sizeof code), memcpy(writer, code, sizeof code);
  long bad = 0;
  for (int i = 0; i < 300; i++) {
    anonymous[9] = writer[9] = i % 2 ? 39 : 102;
    long want = i % 2 ? getpid() : (long)getuid();
    bad += ((long (*)(void))anonymous)() != want || ((long (*)(void))runner)() != want;
  }
  printf("made code: %ld bad\n", bad);
  munmap(writer, 4096);
  // A private mapping of a file that is then written to: what runs is what is there.
  for (int i = 0; i < 100; i++) bad += ((long (*)(void))runner)() != getpid();
  unsigned char nr = 102;
  OK(pwrite(fd, &nr, 1, 9) == 1);
  for (int i = 0; i < 100; i++) bad += ((long (*)(void))runner)() != (runner[9] == 102 ? (long)getuid() : getpid());
  printf("written code: %ld bad, %02x %02x\n", bad, runner[8], runner[13]);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    long bad = 0;
    for (int i = 0; i < 200; i++) bad += hammer(0) != (long)getuid();
    printf("after exec: %ld bad\n", bad);
    return done();
  }
  pthread_t ids[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&ids[i], NULL, threads, NULL);
  long bad = 0;
  for (int i = 0; i < THREADS; i++) { void *result; pthread_join(ids[i], &result); bad += (long)result; }
  printf("threads: %ld bad\n", bad);
  int kept = 1;
  for (int i = 0; i < 200; i++) kept &= registersKept();
  printf("registers %s\n", kept ? "kept" : "lost");
  // A timer's signals hit the code between the program and the kernel too.
  struct sigaction action = {.sa_handler = onSignal, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &often, NULL);
  bad = 0;
  int pipes[2];
  OK(pipe(pipes) == 0);
  for (int i = 0; i < MANY || handled < 50; i++) {
    char byte = (char)i, got;
    bad += hammer(0) != (long)getuid() || !registersKept() || write(pipes[1], &byte, 1) != 1 || read(pipes[0], &got, 1) != 1 || got != byte;
  }
  // Blocked in a call that restarts.
  pid_t child = fork();
  if (child == 0) {
    struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
    _exit(write(pipes[1], "x", 1) != 1);
  }
  char got = 0;
  bad += read(pipes[0], &got, 1) != 1 || got != 'x';
  setitimer(ITIMER_REAL, &never, NULL);
  printf("signals: %ld bad\n", bad);
  reap("writer", child);
  for (int i = 0; i < 10; i++) {
    child = fork();
    if (child == 0) {
      bad = 0;
      for (int k = 0; k < 50; k++) bad += hammer(0) != (long)getuid() || hammerAt(SYS_getuid) != (long)getuid();
      _exit(bad != 0);
    }
    int status;
    OK(waitpid(child, &status, 0) == child && status == 0);
  }
  child = fork();
  if (child == 0) execl("/proc/self/exe", argv[0], "again", NULL), _exit(9);
  reap("exec", child);
  for (int i = 0; i < 100; i++) getppid(), syscall(SYS_getppid);
  textIsTheFiles((void *)hammer, "own text");
  textIsTheFiles((void *)getppid, "getppid");
  madeCode();
  writableText();
  return done();
}
