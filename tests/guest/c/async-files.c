// Signals of files and asynchronous I/O: O_ASYNC with F_SETOWN and F_SETSIG, F_NOTIFY, io_submit and kin, counters that overflow.
#include "t.h"
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY 1028
#endif
static volatile sig_atomic_t got, gotCode, gotFd;
static void onSignal(int s, siginfo_t *i, void *c) {
  (void)c;
  got = s;
  gotCode = i->si_code;
  gotFd = i->si_fd;
}
static void show1(const char *what, int fd) {
  printf("%s: %s code %d%s\n", what, got == 0 ? "nothing" : got == SIGIO ? "SIGIO" : got == SIGUSR1 ? "SIGUSR1" : "other", gotCode == SI_KERNEL ? 99 : gotCode,
         got && got != SIGIO ? (gotFd == fd ? " fd" : " wrong fd") : "");
  got = gotCode = 0;
}
static void asyncPipe(void) {
  int p[2];
  char b[8];
  pipe(p);
  R(fcntl(p[0], F_SETOWN, getpid()));
  R(fcntl(p[0], F_GETOWN) == getpid());
  R(fcntl(p[0], F_SETFL, O_ASYNC));
  write(p[1], "x", 1);
  show1("default", p[0]);
  R(fcntl(p[0], F_SETSIG, SIGUSR1));
  write(p[1], "x", 1);
  show1("chosen", p[0]);
  R(fcntl(p[0], F_SETFL, 0));
  write(p[1], "x", 1);
  show1("off", p[0]);
  setpgid(0, 0);
  R(fcntl(p[0], F_SETOWN, -getpgrp()));
  R(fcntl(p[0], F_GETOWN) == -getpgrp());
  R(fcntl(p[0], F_SETFL, O_ASYNC));
  read(p[0], b, 8);
  write(p[1], "x", 1);
  show1("group", p[0]);
  R(fcntl(p[0], F_SETOWN, 0x3fffff));
  R(fcntl(p[0], F_SETSIG, 65));
  struct f_owner_ex o = {7, 1};
  R(fcntl(p[0], F_SETOWN_EX, &o));
  close(p[0]);
  show1("closed", p[1]);
}
static void directories(void) {
  mkdir("d", 0700);
  mkdir("e", 0700);
  int d = open("d", O_RDONLY), f = open("file", O_RDWR | O_CREAT, 0600);
  R(fcntl(f, F_NOTIFY, DN_CREATE));
  R(fcntl(d, F_SETSIG, SIGUSR1));
  R(fcntl(d, F_NOTIFY, DN_CREATE | DN_RENAME));
  close(open("d/a", O_CREAT | O_RDWR, 0600));
  show1("create", d);
  close(open("d/b", O_CREAT | O_RDWR, 0600));
  show1("once only", d);
  rename("d/a", "e/a");
  show1("moved away", d);
  rename("d/b", "d/c");
  show1("renamed", d);
  R(fcntl(d, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT));
  chmod("d/c", 0644);
  show1("attributes", d);
  chmod("d", 0711);
  show1("its own", d);
  R(fcntl(d, F_NOTIFY, 0));
  chmod("d", 0700);
  show1("ended", d);
}
static long setup(unsigned n, aio_context_t *c) { return syscall(SYS_io_setup, n, c); }
static long submit(aio_context_t c, long n, struct iocb **list) { return syscall(SYS_io_submit, c, n, list); }
static long events(aio_context_t c, long least, long n, struct io_event *e, struct timespec *t) { return syscall(SYS_io_getevents, c, least, n, e, t); }
static void aio(void) {
  aio_context_t c = 1, none = 0;
  struct timespec zero = {0, 0};
  struct io_event e[4];
  R(setup(1, &c));
  R(setup(0, &none));
  R(setup(-1, &none));
  R(setup(1, NULL));
  c = 0;
  R(setup(8, &c));
  OK(c != 0);
  int f = open("aio", O_RDWR | O_CREAT, 0600), ro = open("aio", O_RDONLY), ev = eventfd(0, EFD_NONBLOCK);
  char out[] = "hello", in[6] = "";
  struct iocb w = {.aio_fildes = f, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (uintptr_t)out, .aio_nbytes = 5, .aio_data = 7, .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = ev};
  struct iocb r = {.aio_fildes = f, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_buf = (uintptr_t)in, .aio_nbytes = 6, .aio_offset = 1, .aio_data = 8};
  struct iocb *list[] = {&w, &r};
  R(submit(c, 1, list));
  R(events(c, 1, 4, e, NULL));
  printf("data %d res %d\n", (int)e[0].data, (int)e[0].res);
  OK(e[0].obj == (uintptr_t)&w);
  uint64_t count = 0;
  R(read(ev, &count, 8));
  printf("count %d\n", (int)count);
  list[0] = &r;
  R(submit(c, 1, list));
  R(events(c, 1, 1, e, NULL));
  printf("data %d res %d %s\n", (int)e[0].data, (int)e[0].res, in);
  R(events(c, 0, 4, e, &zero));
  R(events(c, 1, 4, e, &zero));
  R(events(c, 2, 1, e, &zero));
  R(events(c, -1, 1, e, &zero));
  R(events(none, 0, 1, e, &zero));
  R(submit(none, 1, list));
  R(submit(c, -1, list));
  R(submit(c, 0, NULL));
  R(submit(c, 1, (void *)8));
  struct iocb *nothing[] = {NULL};
  R(submit(c, 1, nothing));
  w.aio_fildes = ro;
  list[0] = &w;
  R(submit(c, 1, list));
  w.aio_fildes = 99;
  R(submit(c, 1, list));
  w.aio_fildes = f;
  w.aio_lio_opcode = 77;
  R(submit(c, 1, list));
  w.aio_lio_opcode = IOCB_CMD_FSYNC;
  w.aio_buf = w.aio_nbytes = w.aio_flags = 0;
  // A counter that is as full as it gets overflows by the kernel's hand only.
  uint64_t most = -2ULL;
  write(ev, &most, 8);
  struct iocb again = {.aio_fildes = f, .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (uintptr_t)out, .aio_nbytes = 1, .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = ev};
  list[0] = &again;
  R(submit(c, 1, list));
  R(events(c, 1, 1, e, NULL));
  struct pollfd pf = {ev, POLLIN, 0};
  poll(&pf, 1, 1000);
  printf("overflow %x\n", pf.revents & POLLERR);
  read(ev, &count, 8);
  OK(count == (uint64_t)-1);
  R(syscall(SYS_io_cancel, c, NULL, NULL));
  R(syscall(SYS_io_destroy, c));
  R(syscall(SYS_io_destroy, c));
  R(submit(c, 1, list));
}
int main(void) {
  struct sigaction a = {.sa_sigaction = onSignal, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGIO, &a, NULL);
  sigaction(SIGUSR1, &a, NULL);
  asyncPipe();
  directories();
  aio();
  return failures;
}
