// guest: needs=root
// A filter that leaves the answer to another program: its errors, faked results, going on, a descriptor handed over, signals, ends.
#include "t.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define NEW_LISTENER SECCOMP_FILTER_FLAG_NEW_LISTENER

static int listenTo(int nr, int flags) {
  struct sock_filter f[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog p = {4, f};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p);
}

// A child with a listener on getppid that makes the call; the listener is its parent's too.
static pid_t start(int *listener, void (*body)(void)) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  pid_t child = fork();
  char room[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec io = {"x", 1};
  char byte;
  struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  if (child == 0) {
    int fd = listenTo(SYS_getppid, NEW_LISTENER);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    sendmsg(pair[1], &m, 0);
    close(fd);
    body();
    _exit(0);
  }
  io.iov_base = &byte;
  OK(recvmsg(pair[0], &m, 0) == 1);
  memcpy(listener, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
  close(pair[0]);
  close(pair[1]);
  return child;
}

static struct seccomp_notif receive(int listener) {
  struct seccomp_notif n;
  memset(&n, 0, sizeof n);
  OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0);
  return n;
}

static int answer(int listener, uint64_t id, long value, int error, int flags) {
  struct seccomp_notif_resp r = {.id = id, .val = value, .error = error, .flags = flags};
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

// What the child sees is told by its exit code: what it printed would come in between.
static void thrice(void) {
  OK(syscall(SYS_getppid, 1, 2, 3, 4, 5, 6) == 1234);
  OK(syscall(SYS_getppid) == -1 && errno == EPROTO);
  OK(syscall(SYS_getppid) == getpgid(0));
  _exit(failures);
}

static void errors(void) {
  unsigned short sizes[3];
  R(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes));
  OK(sizes[0] == sizeof(struct seccomp_notif) && sizes[1] == sizeof(struct seccomp_notif_resp) && sizes[2] == sizeof(struct seccomp_data));
  R(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 1, sizes));
  unsigned action = SECCOMP_RET_USER_NOTIF;
  R(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
  R(listenTo(SYS_getppid, NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC));
  R(listenTo(SYS_getppid, 0x20)); // WAIT_KILLABLE_RECV
  pid_t child = fork();
  if (child == 0) {
    S(listenTo(SYS_getppid, NEW_LISTENER));
    S(listenTo(SYS_getpgrp, NEW_LISTENER));
    _exit(0);
  }
  reap("second listener", child);
}

static void answers(void) {
  int listener;
  pid_t child = start(&listener, thrice);
  OK((fcntl(listener, F_GETFL) & O_ACCMODE) == O_RDWR);
  struct seccomp_notif n = receive(listener);
  OK((pid_t)n.pid == child && n.data.nr == SYS_getppid && n.data.arch == AUDIT_ARCH_X86_64 && n.data.args[0] == 1 && n.data.args[5] == 6);
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &n.id));
  struct pollfd p = {listener, POLLIN | POLLOUT};
  poll(&p, 1, 0);
  printf("events %x\n", p.revents);
  R(answer(listener, n.id, 0, 0, 2));
  R(answer(listener, n.id, 5, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  R(answer(listener, n.id + 1, 5, 0, 0));
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n)); // not all zeros
  R(ioctl(listener, 0x1234, &n));
  R(answer(listener, n.id, 1234, 0, 0));
  uint64_t old = n.id;
  n = receive(listener);
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &old));
  R(answer(listener, n.id, 0, -EPROTO, 0));
  n = receive(listener);
  R(answer(listener, n.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
  reap("child", child);
  poll(&p, 1, 0);
  printf("events %x\n", p.revents);
  close(listener);
}

static void useDescriptor(void) {
  int fd = syscall(SYS_getppid);
  OK(write(fd, "handed over", 11) == 11);
  fd = syscall(SYS_getppid);
  OK(fd == 77 && write(77, " again", 6) == 6 && fcntl(77, F_GETFD) == FD_CLOEXEC);
  OK(syscall(SYS_getppid) == -1 && errno == ENOSYS); // nobody listens any more
  _exit(failures);
}

static void descriptors(void) {
  int listener, tube[2];
  char text[40] = "";
  OK(pipe(tube) == 0);
  pid_t child = start(&listener, useDescriptor);
  struct seccomp_notif n = receive(listener);
  struct seccomp_notif_addfd add = {.id = n.id, .srcfd = tube[1]};
  add.flags = 4;
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.flags = 0, add.newfd = 9;
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.newfd = 0, add.srcfd = 999;
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.srcfd = tube[1], add.id++;
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
  add.id--;
  int remote = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  OK(remote > 0);
  R(answer(listener, n.id, remote, 0, 0));
  n = receive(listener);
  struct seccomp_notif_addfd placed = {.id = n.id, .srcfd = tube[1], .newfd = 77, .flags = SECCOMP_ADDFD_FLAG_SETFD | 2, .newfd_flags = O_CLOEXEC};
  R(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &placed));
  n = receive(listener);
  close(listener); // its call is waiting
  reap("child", child);
  close(tube[1]);
  OK(read(tube[0], text, sizeof text) == 17 && strcmp(text, "handed over again") == 0);
}

static volatile int signals;
static void onSignal(int n) { signals++; }

static void beSignalled(void) {
  struct sigaction a = {.sa_handler = onSignal, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &a, NULL);
  OK(syscall(SYS_getppid) == 42 && signals == 1);
  syscall(SYS_getppid);
}

static void interrupted(void) {
  int listener;
  pid_t child = start(&listener, beSignalled);
  struct seccomp_notif first = receive(listener);
  kill(child, SIGUSR1);
  struct seccomp_notif second = receive(listener); // the call was begun anew
  OK(second.id != first.id && second.data.nr == SYS_getppid);
  R(answer(listener, first.id, 1, 0, 0));
  R(answer(listener, second.id, 42, 0, 0));
  receive(listener);
  kill(child, SIGKILL);
  reap("killed", child);
  struct pollfd p = {listener, POLLIN};
  poll(&p, 1, 0);
  printf("events %x\n", p.revents);
}

int main(void) {
  setpgid(0, 0);
  errors();
  answers();
  descriptors();
  interrupted();
  return done();
}
