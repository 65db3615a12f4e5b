// Directories of /proc and epoll results while what they list changes: nothing is skipped, nothing is cut off.
#include "t.h"
#include <dirent.h>
#include <sys/epoll.h>
static int countClosed(void) {
  // What python's subprocess and others do in a child: close while reading.
  DIR *d = opendir("/proc/self/fd");
  int seen = 0;
  for (struct dirent *e; (e = readdir(d));) {
    int fd = atoi(e->d_name);
    if (e->d_name[0] == '.' || fd < 3 || fd == dirfd(d)) continue;
    seen++;
    close(fd);
  }
  closedir(d);
  return seen;
}
static void *waits(void *arg) {
  for (;;) pause();
  return arg;
}

int main(void) {
  // More than fit into one getdents of a small buffer.
  close_range(3, ~0u, 0);
  int open_ = 0;
  for (int i = 0; i < 600; i++) open_ += open("/dev/null", O_RDONLY) >= 0;
  printf("opened %d\n", open_);
  OK(countClosed() == open_);
  int left = 0;
  for (int fd = 3; fd < 700; fd++) left += fcntl(fd, F_GETFD) >= 0;
  printf("left %d\n", left);
  // By hand, with a buffer for two names, closing the first of each.
  for (int i = 0; i < 20; i++) open("/dev/null", O_RDONLY);
  int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY), names = 0;
  char buffer[64];
  for (long n; (n = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0;) {
    for (long at = 0; at < n;) {
      struct { uint64_t ino, off; unsigned short length; unsigned char type; char name[]; } *e = (void *)(buffer + at);
      at += e->length;
      int fd = atoi(e->name);
      if (e->name[0] == '.' || fd < 3 || fd == dir) continue;
      names++;
      close(fd);
    }
  }
  printf("names %d\n", names);
  close(dir);
  // Processes that end while /proc is read.
  pid_t children[30];
  for (int i = 0; i < 30; i++) if ((children[i] = fork()) == 0) { pause(); _exit(0); }
  DIR *proc = opendir("/proc");
  int found = 0;
  for (struct dirent *e; (e = readdir(proc));) {
    for (int i = 0; i < 30; i++) {
      if (atoi(e->d_name) != children[i]) continue;
      found++;
      kill(children[i], SIGKILL);
      waitpid(children[i], 0, 0);
    }
  }
  closedir(proc);
  printf("children %d\n", found);
  // The link count of a process' task directory tells how many threads it has.
  struct stat task;
  OK(stat("/proc/self/task", &task) == 0);
  printf("links %d\n", (int)task.st_nlink);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) OK(pthread_create(&threads[i], NULL, waits, NULL) == 0);
  OK(stat("/proc/self/task", &task) == 0);
  printf("links %d\n", (int)task.st_nlink);
  // Many ready descriptors at once.
  int ep = epoll_create1(0), p[2];
  OK(pipe(p) == 0);
  OK(write(p[1], "x", 1) == 1);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
  OK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  int added = 0;
  for (int fd; added < 3000 && (fd = dup(p[0])) >= 0; added++) {
    struct epoll_event e = {EPOLLIN, {.fd = fd}};
    OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
  }
  static struct epoll_event events[5000];
  R(epoll_wait(ep, events, 5000, 0));
  R(epoll_wait(ep, events, 7, 0));
  return done();
}
