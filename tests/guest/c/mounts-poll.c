// /proc/self/mounts and mountinfo tell of changes by POLLPRI: once, by poll and by epoll, to those who wait too.
// guest: needs=root cflags=-pthread
#include "t.h"
#include <sys/epoll.h>
#include <sys/mount.h>

static int events(int fd, int timeout) {
  struct pollfd p = {fd, POLLPRI, 0};
  poll(&p, 1, timeout);
  return p.revents;
}
static void *mounter(void *at) {
  OK(mount("t", at, "tmpfs", 0, NULL) == 0);
  return NULL;
}

int main(void) {
  char at[] = "/tmp/mounts-poll-XXXXXX";
  OK(mkdtemp(at) != NULL);
  OK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  int m = open("/proc/self/mounts", O_RDONLY), i = open("/proc/self/mountinfo", O_RDONLY), e = epoll_create1(0);
  struct epoll_event ev = {.events = EPOLLPRI, .data.u32 = 7}, out = {};
  R(epoll_ctl(e, EPOLL_CTL_ADD, i, &ev));
  printf("unchanged %x\n", events(m, 0));
  R(epoll_wait(e, &out, 1, 0));
  OK(mount("t", at, "tmpfs", 0, NULL) == 0);
  printf("mounted %x\n", events(m, 0));
  printf("told %x\n", events(m, 0));
  R(epoll_wait(e, &out, 1, 0));
  printf("events %x data %u\n", out.events, out.data.u32);
  R(epoll_wait(e, &out, 1, 0));
  OK(umount(at) == 0);
  printf("unmounted %x\n", events(m, 0));
  pthread_t t;
  OK(pthread_create(&t, NULL, mounter, at) == 0);
  printf("waited %x\n", events(m, 5000));
  pthread_join(t, NULL);
  OK(umount(at) == 0);
  rmdir(at);
  return done();
}
