// Guests that try to hold up the kernel, which serves all others with one thread: by threads that it waits for and that do not come.
// A watcher beside them makes calls all the time; how long one of them takes is told by how far a thread of its own counts meanwhile.
#define LIMIT_MS 5000
#include "attack.h"
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>

enum { DATA_STRIDE = 8192, DATA_TURN = 0, DATA_EXIT = 64, TURN_KERNEL = 1, TURN_CALL = 8, MOST_SECONDS = 2 };

static struct watch { _Alignas(64) atomic_ulong count; _Alignas(64) atomic_ulong most; atomic_ulong calls; atomic_int over; } *watch;

static void *counter(void *unused) {
  (void)unused;
  for (;;) atomic_fetch_add_explicit(&watch->count, 1, memory_order_relaxed);
}
// What the counter reaches in a second when it has a CPU: the best of a few pieces.
static unsigned long counts_per_second(void) {
  unsigned long best = 0;
  for (int i = 0; i < 10; i++) {
    double began = nowSeconds();
    unsigned long first = watch->count;
    while (nowSeconds() < began + 0.01) continue;
    unsigned long rate = (unsigned long)((double)(watch->count - first) / (nowSeconds() - began));
    if (rate > best) best = rate;
  }
  return best;
}
static pid_t start_watcher(void) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  pthread_t thread;
  pthread_create(&thread, NULL, counter, NULL);
  while (watch->count == 0) continue;
  unsigned long second = counts_per_second();
  while (!watch->over) {
    unsigned long before = watch->count;
    syscall(SYS_getppid);
    unsigned long took = watch->count - before;
    if (took > watch->most) watch->most = took;
    watch->calls++;
  }
  _exit(watch->most > second * MOST_SECONDS ? 1 : 0);
}

// The stub's calls: two bytes, and ud2 behind those that do not return.
static unsigned long stub_exit(void) {
  const unsigned char *code = (const unsigned char *)STUB_CODE;
  unsigned long found = 0;
  for (unsigned at = 0; at < 4092; at++)
    if (code[at] == 0x0f && code[at + 1] == 0x05 && code[at + 2] == 0x0f && code[at + 3] == 0x0b) found = STUB_CODE + at;
  return found;
}
static atomic_int leaving;

static void *pretend_call(void *unused) {
  (void)unused;
  while (!leaving) continue;
  for (volatile long i = 0; i < 20000000; i++) continue; // by now it is gone
  for (long i = 0; i < 300000000; i++)
    if (i % 1000 == 0) *(volatile int *)(STUB_DATA + DATA_TURN) = TURN_KERNEL | TURN_CALL;
  _exit(3);
}
// Ends its first thread behind the kernel's back; another lets it seem to stand in a call that needs its whole state.
static void gone_in_a_call(void) {
  unsigned long at = stub_exit();
  pthread_t thread;
  pthread_create(&thread, NULL, pretend_call, NULL);
  static unsigned long *call = (unsigned long *)(STUB_DATA + 192);
  TRY(call[13] = SYS_rt_sigreturn);
  leaving = 1;
  asm volatile("xor %%edi, %%edi\n mov $60, %%eax\n jmp *%0" ::"c"(at));
}

static void *end(void *unused) { return unused; }
static volatile unsigned slots;
// Stub data that is there: of the first thread, of one that begins, of others that have been.
static void find_slots(void) {
  pthread_t thread[2];
  for (int i = 0; i < 2; i++) pthread_create(&thread[i], NULL, end, NULL);
  for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
  for (slots = 0; slots < 8; slots++)
    if (TRY((void)*(volatile char *)(STUB_DATA + slots * DATA_STRIDE)) != 0) break;
}

static void *stay(void *unused) {
  (void)unused;
  for (;;) for (unsigned slot = 0; slot < slots; slot++) *(volatile unsigned long *)(STUB_DATA + slot * DATA_STRIDE + DATA_EXIT) = 0;
}
// What tells threads to end is overwritten.
static void never_ends(void) {
  find_slots();
  pthread_t eraser, thread;
  pthread_create(&eraser, NULL, stay, NULL);
  for (int i = 0; i < 200; i++) if (pthread_create(&thread, NULL, end, NULL) == 0) pthread_join(thread, NULL);
}

static void *flood(void *unused) {
  (void)unused;
  for (;;) for (unsigned slot = 0; slot < slots; slot++) *(volatile int *)(STUB_DATA + slot * DATA_STRIDE + DATA_TURN) = TURN_KERNEL;
}
// Threads seem to have trapped, again and again.
static void no_turns(void) {
  find_slots();
  pthread_t thread;
  pthread_create(&thread, NULL, flood, NULL);
  for (volatile long i = 0; i < 50000000; i++) continue;
}

static void *remap(void *unused) {
  (void)unused;
  for (;;) {
    char *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) continue;
    page[0] = 1;
    munmap(page, 65536);
  }
}
static struct { ucontext_t context; _Alignas(64) unsigned char state[16384]; } forged;
static void forge(int s, siginfo_t *info, void *context) {
  (void)s, (void)info;
  memcpy(&forged.context, context, sizeof forged.context);
  unsigned char *live = (unsigned char *)forged.context.uc_mcontext.fpregs;
  unsigned size = *(unsigned *)(live + 464) == 0x46505853 ? *(unsigned *)(live + 468) : 512;
  memcpy(forged.state, live, size < sizeof forged.state ? size : sizeof forged.state);
  forged.context.uc_mcontext.fpregs = (void *)forged.state;
  forged.context.uc_mcontext.gregs[REG_RIP] = 8;
  memset(&forged.context.uc_sigmask, 0xff, 8);
}
// The process ends by a fault for which its stub has no handler while orders to change its memory are carried out: by the host's
// hand, not the kernel's.
static void ends_under_orders(void) {
  pthread_t thread;
  for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, remap, NULL);
  struct sigaction sa = {.sa_sigaction = forge, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR2, &sa, NULL);
  raise(SIGUSR2);
  const unsigned char *code = (const unsigned char *)STUB_CODE;
  static const unsigned char sigreturn[] = {15, 0, 0, 0, 0x0f, 0x05}; // the end of `mov $15, %rax; syscall`
  unsigned at = 0;
  while (at < 4090 && memcmp(code + at, sigreturn, sizeof sigreturn) != 0) at++;
  asm volatile("mov %0, %%rsp\n mov $15, %%eax\n jmp *%1" ::"d"(&forged), "c"(STUB_CODE + at + 4ul));
}

int main(void) {
  watch = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  catch_all();
  pid_t watcher = start_watcher();
  ANY("a thread that is gone, in a call", gone_in_a_call());
  ANY("threads that never end", never_ends());
  ANY("turns without traps", no_turns());
  for (int round = 0; round < 4; round++) ANY("an end under orders", ends_under_orders());
  unsigned long calls = watch->calls;
  while (watch->calls < calls + 1000) continue; // the watcher is served
  watch->over = 1;
  int status;
  OK(waitpid(watcher, &status, 0) == watcher && status == 0);
  return done();
}
