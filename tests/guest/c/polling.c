// poll, ppoll, select, pselect, epoll (level, edge, one-shot, nested), eventfd, timerfd, signalfd.
#include "t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
static int n;
static struct epoll_event ev[10];
static void wait_(int ep, const char *what) {
  n = epoll_wait(ep, ev, 10, 0);
  printf("%s: %d", what, n);
  for (int i = 0; i < n; i++) printf(" (%x, %d)", ev[i].events, (int)ev[i].data.u32);
  printf("\n");
}
static void nop(int s) { (void)s; }
int main(void) {
  int p[2], q[2];
  char b[100];
  uint64_t v;
  pipe(p);
  pipe(q);
  struct pollfd f[4] = {{p[0], POLLIN, 7}, {p[1], POLLOUT, 7}, {-1, POLLIN, 7}, {99, POLLIN, 7}};
  R(poll(f, 4, 0));
  printf("%x %x %x %x\n", f[0].revents, f[1].revents, f[2].revents, f[3].revents);
  write(p[1], "x", 1);
  R(poll(f, 1, -1));
  printf("%x\n", f[0].revents);
  R(poll(NULL, 0, 10));
  R(poll((void *)8, 1, 0));
  R(poll(f, 1 << 30, 0));
  close(q[1]);
  f[0] = (struct pollfd){q[0], POLLIN, 0};
  R(poll(f, 1, 0));
  printf("writer gone %x\n", f[0].revents);
  pipe(q);
  close(q[0]);
  f[0] = (struct pollfd){q[1], POLLOUT, 0};
  R(poll(f, 1, 0));
  printf("reader gone %x\n", f[0].revents);
  R(ppoll(f, 1, &(struct timespec){0, -1}, NULL));
  int reg = open("reg", O_CREAT | O_RDWR, 0600);
  f[0] = (struct pollfd){reg, POLLIN | POLLOUT | POLLPRI, 0};
  R(poll(f, 1, 0));
  printf("regular file %x\n", f[0].revents);
  // select
  fd_set r, w, e;
  FD_ZERO(&r);
  FD_ZERO(&w);
  FD_ZERO(&e);
  FD_SET(p[0], &r);
  FD_SET(p[1], &w);
  FD_SET(p[0], &e);
  R(select(p[1] + 1, &r, &w, &e, NULL));
  printf("%d %d %d\n", FD_ISSET(p[0], &r) != 0, FD_ISSET(p[1], &w) != 0, FD_ISSET(p[0], &e) != 0);
  struct timeval tv = {0, 20000};
  read(p[0], b, 1);
  FD_SET(p[0], &r);
  R(select(p[0] + 1, &r, NULL, NULL, &tv));
  printf("left %ld.%06ld set %d\n", (long)tv.tv_sec, (long)tv.tv_usec, FD_ISSET(p[0], &r) != 0);
  FD_SET(50, &r);
  R(select(51, &r, NULL, NULL, &tv));
  R(select(-1, NULL, NULL, NULL, &tv));
  tv.tv_sec = -1;
  R(select(0, NULL, NULL, NULL, &tv));
  // epoll
  int ep = epoll_create1(EPOLL_CLOEXEC);
  R(epoll_create1(5));
  R(epoll_create(0));
  struct epoll_event in = {EPOLLIN, {.u32 = 1}};
  R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &in));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &in));
  R(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &in));
  R(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], NULL));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, reg, &in));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &in));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &in));
  R(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &in));
  R(epoll_ctl(ep, 9, p[0], &in));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], (void *)8));
  R(epoll_wait(ep, ev, 0, 0));
  R(epoll_wait(ep, (void *)8, 1, 0));
  R(epoll_wait(ep, ev, 10, 10));
  wait_(ep, "empty");
  write(p[1], "ab", 2);
  wait_(ep, "level");
  wait_(ep, "level again");
  in.events = EPOLLIN | EPOLLET;
  R(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &in));
  wait_(ep, "edge after MOD");
  wait_(ep, "edge again");
  write(p[1], "c", 1);
  wait_(ep, "edge on new data");
  read(p[0], b, 1);
  wait_(ep, "edge after partial read");
  in.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &in);
  wait_(ep, "oneshot");
  wait_(ep, "oneshot spent");
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &in);
  wait_(ep, "oneshot rearmed");
  struct epoll_event out = {EPOLLOUT, {.u32 = 2}};
  in.events = EPOLLIN;
  epoll_ctl(ep, EPOLL_CTL_MOD, p[0], &in);
  epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &out);
  R(epoll_wait(ep, ev, 10, 0));
  // Nested.
  int outer = epoll_create1(0);
  struct epoll_event nest = {EPOLLIN, {.u32 = 3}};
  R(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &nest));
  R(epoll_ctl(ep, EPOLL_CTL_ADD, outer, &nest));
  wait_(outer, "nested");
  // Closing the last descriptor removes it; a dup keeps it.
  int d = dup(p[1]);
  close(p[1]);
  R(epoll_wait(ep, ev, 10, 0));
  close(d);
  wait_(ep, "writer closed");
  close(p[0]);
  wait_(ep, "both closed");
  // eventfd
  int efd = eventfd(3, EFD_NONBLOCK);
  R(read(efd, &v, 8));
  printf("%d\n", (int)v);
  R(read(efd, &v, 8));
  v = ~0ULL;
  R(write(efd, &v, 8));
  v = ~0ULL - 1;
  R(write(efd, &v, 8));
  v = 1;
  R(write(efd, &v, 8));
  f[0] = (struct pollfd){efd, POLLIN | POLLOUT, 0};
  R(poll(f, 1, 0));
  printf("%x\n", f[0].revents);
  R(read(efd, &v, 4));
  R(read(efd, b, 100));
  int sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  R(read(sem, &v, 8));
  R(read(sem, &v, 8));
  R(read(sem, &v, 8));
  R(eventfd(0, 0x1234));
  in.events = EPOLLIN | EPOLLET;
  in.data.u32 = 9;
  epoll_ctl(ep, EPOLL_CTL_ADD, efd, &in);
  v = 1;
  write(efd, &v, 8);
  wait_(ep, "eventfd edge");
  write(efd, &v, 8);
  wait_(ep, "eventfd edge again");
  // A thread-less blocking wait woken by a child.
  int be = eventfd(0, 0);
  pid_t c = fork();
  if (c == 0) { sleepMs(20); v = 5; write(be, &v, 8); _exit(0); }
  in.data.u32 = 10;
  epoll_ctl(ep, EPOLL_CTL_DEL, efd, NULL);
  epoll_ctl(ep, EPOLL_CTL_ADD, be, &in);
  n = epoll_wait(ep, ev, 10, 5000);
  printf("woken %d %d\n", n, (int)ev[0].data.u32);
  R(read(be, &v, 8));
  reap("writer", c);
  // timerfd
  int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  R(read(t, &v, 8));
  struct itimerspec its = {{0, 5000000}, {0, 5000000}}, now;
  R(timerfd_settime(t, 0, &its, NULL));
  f[0] = (struct pollfd){t, POLLIN, 0};
  R(poll(f, 1, 5000));
  R(read(t, &v, 8));
  printf("expired at least once %d\n", v >= 1);
  sleepMs(30);
  R(read(t, &v, 8));
  printf("several %d\n", v >= 3);
  R(timerfd_gettime(t, &now));
  printf("interval %ld\n", now.it_interval.tv_nsec);
  its = (struct itimerspec){{0, 0}, {0, 0}};
  R(timerfd_settime(t, 0, &its, &now));
  R(read(t, &v, 8));
  its.it_value.tv_sec = 1;
  R(timerfd_settime(t, TFD_TIMER_ABSTIME, &its, NULL));
  R(poll(f, 1, 1000));
  its.it_value.tv_nsec = -1;
  R(timerfd_settime(t, 0, &its, NULL));
  R(timerfd_create(77, 0));
  R(timerfd_settime(reg, 0, &now, NULL));
  // signalfd
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int sfd = signalfd(-1, &set, SFD_NONBLOCK);
  struct signalfd_siginfo si[4];
  R(read(sfd, si, sizeof si));
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 11});
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 12});
  f[0] = (struct pollfd){sfd, POLLIN, 0};
  R(poll(f, 1, 0));
  R(read(sfd, si, 10));
  R(read(sfd, si, sizeof si) / (long)sizeof *si);
  printf("signo %u code %d pid ok %d; value %d %d\n", si[0].ssi_signo, si[0].ssi_code, si[0].ssi_pid == (unsigned)getpid(), si[1].ssi_int, si[2].ssi_int);
  sigaddset(&set, SIGUSR2);
  R(signalfd(sfd, &set, 0) == sfd);
  R(signalfd(reg, &set, 0));
  // ppoll and epoll_pwait swap the mask atomically.
  signal(SIGUSR1, nop);
  sigset_t none;
  sigemptyset(&none);
  kill(getpid(), SIGUSR1);
  R(ppoll(NULL, 0, &(struct timespec){5, 0}, &none));
  kill(getpid(), SIGUSR1);
  R(epoll_pwait(ep, ev, 10, 5000, &none));
  kill(getpid(), SIGUSR1);
  R(pselect(0, NULL, NULL, NULL, &(struct timespec){5, 0}, &none));
  // Sockets: EPOLLRDHUP and EPOLLHUP.
  int s[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  in = (struct epoll_event){EPOLLIN | EPOLLRDHUP | EPOLLOUT, {.u32 = 20}};
  epoll_ctl(ep, EPOLL_CTL_ADD, s[0], &in);
  wait_(ep, "socket");
  shutdown(s[1], SHUT_WR);
  wait_(ep, "peer shut down writing");
  close(s[1]);
  wait_(ep, "peer closed");
  return done();
}
