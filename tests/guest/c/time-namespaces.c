// guest: needs=root
// Time namespaces: offsets, who may set them and when, the clocks of those inside, deadlines, what /proc shows.
#include "t.h"
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>

#define DAY 86400
#define OTHER_NEWTIME 0x80

static long put(const char *text) {
  int fd = open("/proc/self/timens_offsets", O_WRONLY);
  long n = write(fd, text, strlen(text));
  int saved = errno;
  close(fd);
  errno = saved;
  return n;
}

static void show_offsets(void) {
  char text[256] = "";
  int fd = open("/proc/self/timens_offsets", O_RDONLY);
  OK(read(fd, text, sizeof text - 1) > 0);
  close(fd);
  printf("%s", text);
}

static long seconds(int clock) {
  struct timespec t = {0};
  clock_gettime(clock, &t);
  return t.tv_sec;
}

static long rawSeconds(int clock) {
  struct timespec t = {0};
  syscall(SYS_clock_gettime, clock, &t);
  return t.tv_sec;
}

static long uptime(void) {
  char text[64] = "";
  int fd = open("/proc/uptime", O_RDONLY);
  OK(read(fd, text, 63) > 0);
  close(fd);
  return atol(text);
}

static struct timespec start;
static long bootStart, uptimeStart;

// How many days this process is ahead of the one that began.
static void clocks(const char *who) {
  struct sysinfo info;
  sysinfo(&info);
  long mono = seconds(CLOCK_MONOTONIC) - start.tv_sec, boot = seconds(CLOCK_BOOTTIME) - bootStart;
  printf("%s: monotonic +%ld, boottime +%ld, raw +%ld, coarse +%ld, by call +%ld, sysinfo +%ld, /proc/uptime +%ld days\n", who, mono / DAY, boot / DAY,
         (seconds(CLOCK_MONOTONIC_RAW) - start.tv_sec + 3600) / DAY, (seconds(CLOCK_MONOTONIC_COARSE) - start.tv_sec + 3600) / DAY,
         (rawSeconds(CLOCK_MONOTONIC) - start.tv_sec) / DAY, (info.uptime - uptimeStart + 3600) / DAY, (uptime() - uptimeStart + 3600) / DAY);
  fflush(stdout);
}

static void deadlines(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  double begin = nowSeconds();
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  R(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
  int fd = timerfd_create(CLOCK_BOOTTIME, 0);
  struct itimerspec spec = {0};
  clock_gettime(CLOCK_BOOTTIME, &spec.it_value);
  spec.it_value.tv_sec -= 1;
  R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
  uint64_t count;
  R(read(fd, &count, 8));
  spec.it_value.tv_sec += 1000;
  R(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL));
  R(timerfd_gettime(fd, &spec));
  OK(spec.it_value.tv_sec > 900 && spec.it_value.tv_sec <= 1000);
  pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&m);
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += 20000000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  errno = pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &t);
  printf("lock: %s\n", strerrorname_np(errno));
  double took = nowSeconds() - begin;
  OK(took >= 0.04 && took < 60);
}

static int again(void) {
  clocks("after exec");
  return failures;
}

int main(int argc, char **argv) {
  if (argc == 5) {
    start.tv_sec = atol(argv[2]), bootStart = atol(argv[3]), uptimeStart = atol(argv[4]);
    return again();
  }
  clock_gettime(CLOCK_MONOTONIC, &start);
  bootStart = seconds(CLOCK_BOOTTIME);
  struct sysinfo info;
  OK(sysinfo(&info) == 0);
  uptimeStart = info.uptime;
  R(put("monotonic 1 0\n"));
  int old = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);
  R(unshare(OTHER_NEWTIME));
  show_offsets();
  R(put("monotonic 1 1000000000\n"));
  R(put("realtime 1 0\n"));
  R(put("monotonic 1\n"));
  R(put("monotonic 99999999999 0\n"));
  R(put("monotonic -9000000000 0\n"));
  R(put("1 864000 5\nboottime 1728000 0\n"));
  show_offsets();
  clocks("not inside");
  pid_t child = fork();
  if (child == 0) {
    clocks("child");
    R(put("monotonic 0 0\n"));
    deadlines();
    pid_t grandchild = fork();
    if (grandchild == 0) {
      clocks("grandchild");
      char a[32], b[32], c[32];
      sprintf(a, "%ld", start.tv_sec), sprintf(b, "%ld", bootStart), sprintf(c, "%ld", uptimeStart);
      execl("/proc/self/exe", argv[0], "again", a, b, c, NULL);
      _exit(1);
    }
    reap("grandchild", grandchild);
    R(setns(old, OTHER_NEWTIME));
    clocks("back");
    _exit(failures);
  }
  reap("child", child);
  R(put("monotonic 0 0\n"));
  clocks("still not inside");
  int inside = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  R(setns(inside, OTHER_NEWTIME));
  clocks("inside");
  child = fork();
  if (child == 0) {
    OK(setresuid(1000, 1000, 1000) == 0);
    prctl(PR_SET_DUMPABLE, 1);
    R(unshare(OTHER_NEWTIME));
    R(unshare(CLONE_NEWUSER | OTHER_NEWTIME));
    show_offsets();
    R(put("boottime 2592000 0"));
    _exit(failures);
  }
  reap("unprivileged", child);
  return done();
}
