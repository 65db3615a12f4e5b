// SO_PEERPIDFD, SO_PASSPIDFD and SCM_PIDFD of AF_UNIX: descriptors that stand for the process at the other end.
#include "t.h"
#include <sys/socket.h>
#define PASSPIDFD 76
#define PEERPIDFD 77
#define PIDFD_MESSAGE 4

static int isProcess(int fd, pid_t pid) {
  char path[64], text[512] = {};
  int own = -1;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  int f = open(path, O_RDONLY);
  OK(f >= 0 && read(f, text, sizeof text - 1) > 0);
  close(f);
  char *line = strstr(text, "Pid:");
  if (line) sscanf(line, "Pid: %d", &own);
  return own == pid;
}

int main(void) {
  int s[2], fd = -1, one = 1, on = -1;
  socklen_t n = sizeof fd;
  OK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  R(getsockopt(s[0], SOL_SOCKET, PEERPIDFD, &fd, &n));
  printf("self %d cloexec %d\n", isProcess(fd, getpid()), fcntl(fd, F_GETFD));
  close(fd);
  int alone = socket(AF_UNIX, SOCK_STREAM, 0);
  R(getsockopt(alone, SOL_SOCKET, PEERPIDFD, &fd, &n));
  R(setsockopt(s[0], SOL_SOCKET, PASSPIDFD, &one, sizeof one));
  R(getsockopt(s[0], SOL_SOCKET, PASSPIDFD, &on, &n));
  printf("on %d\n", on);
  pid_t p = fork();
  if (p == 0) {
    char b;
    OK(write(s[1], "x", 1) == 1);
    _exit(read(s[1], &b, 1) == 1 ? 3 : 4);
  }
  union { char bytes[128]; struct cmsghdr align; } control;
  char b[4];
  struct iovec iov = {b, sizeof b};
  struct msghdr m = {NULL, 0, &iov, 1, control.bytes, sizeof control.bytes, 0};
  R(recvmsg(s[0], &m, 0));
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    printf("message %d/%d length %zu child %d\n", c->cmsg_level, c->cmsg_type, c->cmsg_len, c->cmsg_type == PIDFD_MESSAGE && isProcess(fd, p));
  }
  OK(write(s[0], "y", 1) == 1);
  siginfo_t info = {};
  R(waitid(P_PIDFD, fd, &info, WEXITED));
  printf("status %d\n", info.si_status);
  return done();
}
