/*
 * The micro-benchmark behind the tables: what one kernel operation costs, as a program sees it. One line per operation:
 * name, nanoseconds per operation. Usage: mb [DIVISOR [FILE]]; DIVISOR cuts the repetitions for slow peers, FILE is written to.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, BLOCK = 65536 };
static long divisor = 1;
static char *self;
static const char *file = "/tmp/skas-bench-file";
static char block[BLOCK];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long times(long full) { return full / divisor > 0 ? full / divisor : 1; }

static void report(const char *name, double start, long count) {
  printf("%-12s %12.1f ns/op\n", name, (now() - start) / (double)count);
  fflush(stdout);
}

#define MEASURE(name, full, body)                     \
  do {                                                \
    long count_ = times(full);                        \
    double start_ = now();                            \
    for (long i = 0; i < count_; i++) { body; }       \
    report(name, start_, count_);                     \
  } while (0)

static void memory(void) {
  MEASURE("mmap+munmap", 20000, munmap(mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), BLOCK));
  long pages = times(20000);
  char *area = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MEASURE("fault4k", 20000, area[i * PAGE] = 1);
  MEASURE("mprotect2", 2000, { mprotect(area + i * PAGE, PAGE, PROT_READ); mprotect(area + i * PAGE, PAGE, PROT_READ | PROT_WRITE); });
  munmap(area, (size_t)pages * PAGE);
}

static void processes(void) {
  MEASURE("fork+wait", 1000, {
    pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
  });
  MEASURE("fork+exec", 500, {
    pid_t child = fork();
    if (child == 0) {
      execl(self, self, "true", NULL);
      _exit(1);
    }
    waitpid(child, NULL, 0);
  });
}

static void pipes(void) {
  int there[2], back[2];
  if (pipe(there) || pipe(back)) return;
  long count = times(10000);
  char byte = 0;
  pid_t child = fork();
  if (child == 0) {
    for (long i = 0; i < count; i++) {
      if (read(there[0], &byte, 1) != 1) break;
      if (write(back[1], &byte, 1) != 1) break;
    }
    _exit(0);
  }
  MEASURE("pipe-rtt", 10000, { if (write(there[1], "x", 1) != 1 || read(back[0], &byte, 1) != 1) break; });
  waitpid(child, NULL, 0);
}

static void files(void) {
  struct stat st;
  MEASURE("stat", 20000, stat("/etc/passwd", &st));
  MEASURE("open+close", 20000, close(open("/etc/passwd", O_RDONLY)));
  int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  MEASURE("write64k", 2000, if (write(fd, block, BLOCK) != BLOCK) break);
  lseek(fd, 0, SEEK_SET);
  MEASURE("read64k", 2000, if (read(fd, block, BLOCK) != BLOCK) break);
  MEASURE("pread1", 20000, if (pread(fd, block, 1, i) != 1) break);
  close(fd);
  unlink(file);
}

static void cpu(void) {
  volatile unsigned long sum = 0;
  double start = now();
  for (unsigned long i = 0; i < 200000000; i++) sum += i;
  report("cpu200M", start, 1);
}

int main(int argc, char **argv) {
  self = argv[0];
  if (argc > 1 && !strcmp(argv[1], "true")) return 0;
  if (argc > 1 && atol(argv[1]) > 0) divisor = atol(argv[1]);
  if (argc > 2) file = argv[2];
  MEASURE("getppid", 200000, syscall(SYS_getppid));
  memory();
  processes();
  pipes();
  files();
  cpu();
  return 0;
}
