// Files of /proc that tell of memory, times, tables and the kernel's absence of hardware: there, readable, in the form programs parse.
#include "t.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/times.h>
#include <sys/un.h>

static char text[1 << 20];

static long slurp(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  long total = 0, got;
  while ((got = read(fd, text + total, sizeof text - 1 - total)) > 0) total += got;
  text[total] = 0;
  close(fd);
  return got < 0 ? -1 : total;
}

static long field(const char *name) {
  char *at = strstr(text, name);
  return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static void files(void) {
  static const char *names[] = {"meminfo", "cpuinfo", "stat", "uptime", "loadavg", "version", "cmdline", "filesystems", "devices", "swaps",
    "partitions", "vmstat", "zoneinfo", "buddyinfo", "softirqs", "interrupts", "mounts", "self/smaps", "self/smaps_rollup", "self/maps",
    "self/status", "self/statm", "self/io", "self/limits", "self/sched", "self/schedstat", "self/oom_score", "self/mountinfo",
    "self/mountstats", "self/auxv", "self/cgroup", "self/net/unix", "self/net/tcp", "self/net/dev", "net/route", "thread-self/stat",
    "sys/kernel/pid_max", "sys/vm/overcommit_memory", "sys/fs/file-max", "sys/kernel/random/uuid"};
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
    char path[100];
    snprintf(path, sizeof path, "/proc/%s", names[i]);
    if (slurp(path) <= 0) printf("%s: nothing\n", path);
  }
}

static void memory(void) {
  char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 1, 1 << 20);
  OK(slurp("/proc/self/smaps_rollup") > 0 && field("\nRss:") >= 1024 && field("\nPrivate_Dirty:") >= 1024);
  OK(field("\nAnonymous:") >= 1024 && field("\nPss:") <= field("\nRss:"));
  int fd = open("/proc/self/pagemap", O_RDONLY);
  unsigned long entries[2] = {0, 0};
  OK(pread(fd, entries, 16, (long)p / 4096 * 8) == 16 && entries[0] >> 63 == 1 && entries[1] >> 63 == 1);
  char *hole = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  OK(pread(fd, entries, 8, (long)hole / 4096 * 8) == 8 && entries[0] >> 63 == 0);
  R(pread(fd, entries, 7, 0));
  close(fd);
  OK(slurp("/proc/meminfo") > 0 && field("MemTotal:") > field("MemFree:") && field("MemFree:") > 0 && field("MemAvailable:") > 0);
}

// A lot of calls that the kernel serves count as system time, a loop as user time; neither shrinks.
static void cpu_times(void) {
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  do {
    for (volatile int i = 0; i < 1000000; i++) continue;
    getrusage(RUSAGE_SELF, &after);
  } while (after.ru_utime.tv_sec * 1000000 + after.ru_utime.tv_usec < 60000);
  do {
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 1 << 20; i += 4096) p[i] = 1;
    munmap(p, 1 << 20);
    getrusage(RUSAGE_SELF, &after);
  } while (after.ru_stime.tv_sec == 0 && after.ru_stime.tv_usec < 20000);
  OK(timercmp(&after.ru_utime, &before.ru_utime, >) && timercmp(&after.ru_stime, &before.ru_stime, >));
  struct tms t;
  times(&t);
  OK(t.tms_utime > 0 && t.tms_stime > 0);
  OK(slurp("/proc/stat") > 0 && strncmp(text, "cpu  ", 5) == 0 && strstr(text, "\ncpu0 ") && field("\nbtime ") > 1000000000);
  double up, idle;
  OK(slurp("/proc/uptime") > 0 && sscanf(text, "%lf %lf", &up, &idle) == 2 && up > 0);
  double a, b, c;
  int running, all, last;
  OK(slurp("/proc/loadavg") > 0 && sscanf(text, "%lf %lf %lf %d/%d %d", &a, &b, &c, &running, &all, &last) == 6);
}

static long max_rss(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_maxrss;
}

// Faults, waits and transfers are counted; the largest size is that of memory that was used, and stays after it is gone.
static void counts(void) {
  struct rusage before, after;
  char *reserved = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  OK(max_rss() < 200000);
  munmap(reserved, 1 << 30);
  getrusage(RUSAGE_SELF, &before);
  char *used = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(used, 1, 32 << 20);
  munmap(used, 32 << 20);
  usleep(1000);
  getrusage(RUSAGE_SELF, &after);
  OK(after.ru_maxrss >= 32 << 10 && after.ru_minflt > before.ru_minflt && after.ru_nvcsw > before.ru_nvcsw);
  long chars = slurp("/proc/self/io") > 0 ? field("rchar: ") : -1, calls = field("syscr: ");
  int fd = open("/dev/zero", O_RDONLY);
  OK(read(fd, text, 5000) == 5000 && pread(fd, text, 100, 0) == 100);
  OK(slurp("/proc/self/io") > 0 && field("rchar: ") >= chars + 5100 && field("syscr: ") >= calls + 2);
  close(fd);
  OK(slurp("/proc/self/status") > 0 && field("VmHWM:") >= 32 << 10 && field("VmHWM:") < 200000 && field("\nvoluntary_ctxt_switches:") > 0);
  if (fork() == 0) {
    used = mmap(NULL, 48 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(used, 1, 48 << 20);
    _exit(0);
  }
  int status;
  wait4(-1, &status, 0, &after);
  OK(after.ru_maxrss >= 48 << 10 && after.ru_minflt > 0);
  getrusage(RUSAGE_CHILDREN, &after);
  OK(after.ru_maxrss >= 48 << 10 && after.ru_minflt > 0);
}

static void locks_and_sockets(void) {
  int fd = open("lockfile", O_RDWR | O_CREAT, 0600);
  struct flock whole = {.l_type = F_WRLCK};
  char wanted[100];
  R(fcntl(fd, F_SETLK, &whole));
  R(flock(fd, LOCK_SH));
  struct stat st;
  fstat(fd, &st);
  slurp("/proc/locks");
  snprintf(wanted, sizeof wanted, "POSIX  ADVISORY  WRITE %d ", getpid());
  OK(strstr(text, wanted));
  snprintf(wanted, sizeof wanted, "FLOCK  ADVISORY  READ %d ", getpid());
  OK(strstr(text, wanted));
  int sock = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "named-socket"};
  R(bind(sock, (void *)&address, sizeof address));
  R(listen(sock, 1));
  slurp("/proc/net/unix");
  fstat(sock, &st);
  snprintf(wanted, sizeof wanted, "00010000 0001 01 %5lu named-socket\n", st.st_ino);
  OK(strstr(text, wanted));
  unlink("named-socket");
  unlink("lockfile");
}

// What a child that waits has called, and that it is told of as a child.
static void waiting_child(void) {
  int fds[2];
  pipe(fds);
  pid_t child = fork();
  if (child == 0) {
    char c;
    _exit((int)read(fds[0], &c, 1));
  }
  char path[64], wanted[64];
  snprintf(path, sizeof path, "/proc/%d/syscall", child);
  snprintf(wanted, sizeof wanted, "0 0x%x 0x", fds[0]);
  while (slurp(path) > 0 && strncmp(text, wanted, strlen(wanted)) != 0) sched_yield();
  OK(strncmp(text, wanted, strlen(wanted)) == 0 && strstr(text, " 0x1 0x"));
  snprintf(path, sizeof path, "/proc/%d/wchan", child);
  OK(slurp(path) > 0);
  write(fds[1], "x", 1);
  int status;
  R(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 1);
}

static void cpuinfo(void) {
  long count = 0;
  slurp("/proc/cpuinfo");
  for (char *at = text; (at = strstr(at, "processor\t: ")); at++) count++;
  OK(count == sysconf(_SC_NPROCESSORS_CONF));
  OK(strstr(text, "model name\t: ") && strstr(text, " sse2 ") && strstr(text, "flags\t\t: "));
}

int main(void) {
  files();
  memory();
  cpu_times();
  counts();
  locks_and_sockets();
  waiting_child();
  cpuinfo();
  puts("done");
}
