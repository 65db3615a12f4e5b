// uname, sysinfo, getrandom, rlimits, prctl, scheduling, times, personality, hostname, /proc basics.
#include "t.h"
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
int main(void) {
  struct utsname u;
  R(uname(&u));
  printf("%s %s\n", u.sysname, u.machine);
  OK(u.release[0] >= '4' && u.nodename[0]);
  R(uname((void *)8));
  struct sysinfo si;
  R(sysinfo(&si));
  OK(si.totalram * si.mem_unit > 64 << 20 && si.freeram <= si.totalram && si.uptime > 0 && si.procs >= 1);
  unsigned char a[32] = {0}, b[32] = {0};
  R(getrandom(a, 32, 0));
  R(getrandom(b, 32, GRND_NONBLOCK));
  printf("differ %d\n", memcmp(a, b, 32) != 0);
  R(getrandom(a, 0, 0));
  R(getrandom((void *)8, 8, 0));
  R(getrandom(a, 8, 0x100));
  char *big = malloc(1 << 20);
  R(getrandom(big, 1 << 20, 0));
  // Limits.
  struct rlimit l, l2;
  for (int i = 0; i < 16; i++) OK(getrlimit(i, &l) == 0);
  R(getrlimit(16, &l));
  R(getrlimit(-1, &l));
  getrlimit(RLIMIT_NOFILE, &l);
  l.rlim_cur = 64;
  R(setrlimit(RLIMIT_NOFILE, &l));
  getrlimit(RLIMIT_NOFILE, &l2);
  printf("%d\n", (int)l2.rlim_cur);
  l.rlim_cur = l.rlim_max + 1;
  R(l.rlim_max == RLIM_INFINITY ? -1 : setrlimit(RLIMIT_NOFILE, &l));
  R(prlimit(0, RLIMIT_STACK, NULL, &l));
  R(prlimit(getpid(), RLIMIT_STACK, &l, &l2));
  R(prlimit(0x7fffff, RLIMIT_STACK, NULL, &l));
  R(prlimit(0, RLIMIT_STACK, NULL, (void *)8));
  // prctl.
  char name[20] = {0};
  R(prctl(PR_SET_NAME, "a name longer than fifteen"));
  R(prctl(PR_GET_NAME, name));
  printf("%s\n", name);
  char comm[40] = {0};
  int f = open("/proc/self/comm", O_RDONLY);
  R(read(f, comm, 40));
  printf("%s", comm);
  R(prctl(PR_GET_DUMPABLE));
  R(prctl(PR_SET_DUMPABLE, 0));
  R(prctl(PR_GET_DUMPABLE));
  R(prctl(PR_SET_DUMPABLE, 7));
  R(prctl(PR_SET_DUMPABLE, 1));
  R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  R(prctl(PR_GET_KEEPCAPS));
  R(prctl(PR_GET_TIMERSLACK) > 0);
  R(prctl(123456));
  R(prctl(PR_SET_NAME, (void *)8));
  R(prctl(PR_SET_PDEATHSIG, 65));
  // Scheduling.
  R(sched_yield());
  R(sched_getscheduler(0));
  struct sched_param sp;
  R(sched_getparam(0, &sp));
  R(sched_get_priority_max(SCHED_FIFO));
  R(sched_get_priority_min(SCHED_FIFO));
  R(sched_get_priority_max(99));
  cpu_set_t set;
  CPU_ZERO(&set);
  R(sched_getaffinity(0, sizeof set, &set));
  OK(CPU_COUNT(&set) >= 1 && CPU_COUNT(&set) == sysconf(_SC_NPROCESSORS_ONLN));
  R(sched_getaffinity(0x7fffff, sizeof set, &set));
  R(syscall(SYS_sched_getaffinity, 0, 1, &set));
  R(sched_setaffinity(0, sizeof set, &set));
  CPU_ZERO(&set);
  R(sched_setaffinity(0, sizeof set, &set));
  OK(sched_getcpu() >= 0);
  R(getpriority(PRIO_PROCESS, 0));
  R(setpriority(PRIO_PROCESS, 0, 3));
  R(getpriority(PRIO_PROCESS, 0));
  R(getpriority(PRIO_PROCESS, 0x7fffff));
  R(getpriority(9, 0));
  // Times and usage.
  struct tms t;
  OK(times(&t) != -1);
  struct rusage ru;
  R(getrusage(RUSAGE_SELF, &ru));
  R(getrusage(RUSAGE_CHILDREN, &ru));
  R(getrusage(RUSAGE_THREAD, &ru));
  R(getrusage(77, &ru));
  // Computes until it shows; a machine that never counts it fails after a long time.
  double end = nowSeconds() + 20;
  do getrusage(RUSAGE_SELF, &ru);
  while (ru.ru_utime.tv_sec == 0 && ru.ru_stime.tv_sec == 0 && ru.ru_utime.tv_usec + ru.ru_stime.tv_usec < 20000 && nowSeconds() < end);
  OK(nowSeconds() < end);
  OK(ru.ru_maxrss > 500);
  unsigned cpu, node;
  R(syscall(SYS_getcpu, &cpu, &node, NULL));
  R(personality(0xffffffff));
  R(getppid() >= 0);
  R(gettid() == getpid());
  char host[70];
  R(gethostname(host, 70));
  // What glibc and shells look at.
  OK(access("/proc/self/fd/0", F_OK) == 0);
  OK(access("/proc/self/maps", R_OK) == 0);
  OK(access("/proc/meminfo", R_OK) == 0);
  OK(access("/proc/cpuinfo", R_OK) == 0);
  OK(access("/proc/stat", R_OK) == 0);
  OK(access("/dev/null", R_OK | W_OK) == 0);
  f = open("/proc/self/stat", O_RDONLY);
  char line[1000] = {0};
  read(f, line, 999);
  int pid, ppid, pgrp, session;
  char state;
  OK(sscanf(line, "%d (%*[^)]) %c %d %d %d", &pid, &state, &ppid, &pgrp, &session) == 5);
  OK(pid == getpid() && state == 'R' && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
  int fields = 0;
  for (char *c = strrchr(line, ')') + 1; *c; c++) fields += *c == ' ';
  printf("stat fields %d\n", fields + 2);
  OK(open("/dev/full", O_WRONLY) >= 0);
  f = open("/dev/full", O_RDWR);
  R(write(f, "x", 1));
  R(read(f, line, 10));
  f = open("/dev/zero", O_RDWR);
  R(read(f, line, 10));
  R(write(f, "x", 1));
  f = open("/dev/urandom", O_RDONLY);
  R(read(f, line, 100));
  struct stat st;
  stat("/dev/null", &st);
  printf("/dev/null %o %x\n", st.st_mode & S_IFMT, (unsigned)st.st_rdev);
  return done();
}
