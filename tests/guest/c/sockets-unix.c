// AF_UNIX: socketpair, stream, datagram and seqpacket, path and abstract names, SCM_RIGHTS, SCM_CREDENTIALS, shutdown, options, errors.
#include "t.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
static socklen_t named(struct sockaddr_un *a, const char *name) {
  memset(a, 0, sizeof *a);
  a->sun_family = AF_UNIX;
  memcpy(a->sun_path, name, name[0] ? strlen(name) + 1 : strlen(name + 1) + 1);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (name[0] ? strlen(name) + 1 : strlen(name + 1) + 1));
}
static int sendFd(int s, const int *fds, int n, const char *data) {
  char ctl[CMSG_SPACE(20 * sizeof(int))];
  memset(ctl, 0, sizeof ctl);
  struct iovec v = {(void *)data, strlen(data)};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = CMSG_SPACE(n * sizeof(int))};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(n * sizeof(int));
  memcpy(CMSG_DATA(c), fds, n * sizeof(int));
  return (int)sendmsg(s, &m, 0);
}
static int recvFd(int s, int *fds, int max, int flags) {
  char ctl[CMSG_SPACE(20 * sizeof(int))], b[100];
  struct iovec v = {b, 100};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = CMSG_SPACE(max * sizeof(int))};
  ssize_t n = recvmsg(s, &m, flags);
  printf("recvmsg %zd flags %x", n, m.msg_flags);
  int got = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
    if (c->cmsg_type == SCM_RIGHTS) { got = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)); memcpy(fds, CMSG_DATA(c), got * sizeof(int)); }
  printf(" descriptors %d\n", got);
  return got;
}
int main(void) {
  int s[2], fds[20];
  char b[100000];
  signal(SIGPIPE, SIG_IGN);
  R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  R(socketpair(AF_UNIX, 77, 0, s));
  R(socketpair(AF_UNIX, SOCK_STREAM, 0, (void *)8));
  R(socketpair(AF_INET, SOCK_STREAM, 0, fds));
  R(socket(99, SOCK_STREAM, 0));
  R(write(s[0], "hello", 5));
  R(recv(s[1], b, 3, MSG_PEEK));
  R(recv(s[1], b, 3, 0));
  R(recv(s[1], b, 100, MSG_DONTWAIT));
  R(recv(s[1], b, 100, MSG_DONTWAIT));
  int n = -1;
  write(s[0], "12345", 5);
  ioctl(s[1], FIONREAD, &n);
  printf("FIONREAD %d\n", n);
  R(lseek(s[0], 0, SEEK_SET));
  R(shutdown(s[0], SHUT_WR));
  R(read(s[1], b, 100));
  R(read(s[1], b, 100));
  R(write(s[0], "x", 1));
  R(send(s[1], "back", 4, MSG_NOSIGNAL));
  R(read(s[0], b, 100));
  close(s[0]);
  R(write(s[1], "x", 1));
  R(read(s[1], b, 1));
  close(s[1]);
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  write(s[0], "unread", 6);
  write(s[1], "y", 1);
  close(s[0]);
  R(read(s[1], b, 1) == -1 ? -1 : 0);
  close(s[1]);
  // Descriptors travel.
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  int f = open("file", O_CREAT | O_RDWR, 0644);
  write(f, "content", 7);
  fds[0] = f;
  fds[1] = 1;
  R(sendFd(s[0], fds, 2, "two"));
  close(f);
  int got[20];
  recvFd(s[1], got, 20, MSG_CMSG_CLOEXEC);
  R(pread(got[0], b, 100, 0));
  R(fcntl(got[0], F_GETFD));
  R(write(got[1], "through a passed descriptor\n", 28));
  fds[0] = 99;
  R(sendFd(s[0], fds, 1, "bad"));
  fds[0] = 0;
  fds[1] = 1;
  fds[2] = 2;
  sendFd(s[0], fds, 3, "truncated");
  recvFd(s[1], got, 1, 0);
  sendFd(s[0], fds, 1, "plain read drops it");
  R(read(s[1], b, 100));
  pid_t c = fork();
  if (c == 0) { int p[2]; pipe(p); write(p[1], "from child", 10); sendFd(s[1], p, 1, "p"); _exit(0); }
  recvFd(s[0], got, 1, 0);
  reap("sender", c);
  R(read(got[0], b, 100));
  // A socket in flight to itself, closed: no leak, no crash.
  fds[0] = s[0];
  fds[1] = s[1];
  sendFd(s[0], fds, 2, "cycle");
  close(s[0]);
  close(s[1]);
  // Datagrams keep boundaries.
  socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
  R(send(s[0], "one", 3, 0));
  R(send(s[0], "", 0, 0));
  R(send(s[0], "three", 5, 0));
  R(recv(s[1], b, 100, 0));
  R(recv(s[1], b, 100, 0));
  R(recv(s[1], b, 2, MSG_TRUNC));
  close(s[0]);
  R(send(s[1], "x", 1, 0));
  R(recv(s[1], b, 100, MSG_DONTWAIT));
  close(s[1]);
  socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
  R(send(s[0], "abc", 3, 0));
  R(send(s[0], "defg", 4, 0));
  R(recv(s[1], b, 2, 0));
  R(recv(s[1], b, 100, 0));
  close(s[0]);
  R(recv(s[1], b, 100, 0));
  close(s[1]);
  // Named.
  struct sockaddr_un a, peer;
  socklen_t len = named(&a, "sock");
  int l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), x, y;
  R(bind(l, (void *)&a, len));
  R(bind(l, (void *)&a, len));
  x = socket(AF_UNIX, SOCK_STREAM, 0);
  R(bind(x, (void *)&a, len));
  R(connect(x, (void *)&a, len));
  R(accept(l, NULL, NULL));
  R(listen(l, 5));
  R(connect(x, (void *)&a, len));
  R(connect(x, (void *)&a, len));
  socklen_t pl = sizeof peer;
  y = accept4(l, (void *)&peer, &pl, SOCK_NONBLOCK);
  printf("accepted, peer name length %d\n", (int)pl);
  R(read(y, b, 1));
  R(write(x, "request", 7));
  R(read(y, b, 100));
  pl = sizeof peer;
  R(getpeername(x, (void *)&peer, &pl));
  printf("%s %d\n", peer.sun_path, (int)pl);
  pl = sizeof peer;
  R(getsockname(l, (void *)&peer, &pl));
  struct ucred cred;
  pl = sizeof cred;
  R(getsockopt(x, SOL_SOCKET, SO_PEERCRED, &cred, &pl));
  printf("peer pid ok %d uid ok %d\n", cred.pid == getpid(), cred.uid == getuid());
  int opt = -1;
  pl = sizeof opt;
  R(getsockopt(x, SOL_SOCKET, SO_TYPE, &opt, &pl));
  printf("type %d\n", opt);
  R(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &opt, &pl));
  printf("listening %d\n", opt);
  R(getsockopt(x, SOL_SOCKET, SO_ERROR, &opt, &pl));
  R(getsockopt(x, SOL_SOCKET, 9999, &opt, &pl));
  R(setsockopt(x, SOL_SOCKET, SO_SNDBUF, &(int){100000}, 4));
  R(setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0, 20000}, sizeof(struct timeval)));
  R(read(x, b, 1));
  struct stat st;
  stat("sock", &st);
  printf("S_ISSOCK %d\n", S_ISSOCK(st.st_mode));
  R(open("sock", O_RDWR));
  close(y);
  close(x);
  close(l);
  x = socket(AF_UNIX, SOCK_STREAM, 0);
  R(connect(x, (void *)&a, len));
  unlink("sock");
  R(connect(x, (void *)&a, len));
  len = named(&a, "file");
  R(connect(x, (void *)&a, len));
  // Abstract.
  l = socket(AF_UNIX, SOCK_STREAM, 0);
  char unique[60] = "";
  sprintf(unique + 1, "skas-test-%d", getpid());
  len = named(&a, unique);
  R(bind(l, (void *)&a, len));
  R(listen(l, 1));
  c = fork();
  if (c == 0) { int z = socket(AF_UNIX, SOCK_STREAM, 0); connect(z, (void *)&a, len); write(z, "abstract", 8); _exit(0); }
  y = accept(l, NULL, NULL);
  R(read(y, b, 100));
  reap("client", c);
  close(l);
  R(connect(x, (void *)&a, len));
  // Datagram with a name.
  l = socket(AF_UNIX, SOCK_DGRAM, 0);
  len = named(&a, "dg");
  R(bind(l, (void *)&a, len));
  y = socket(AF_UNIX, SOCK_DGRAM, 0);
  R(sendto(y, "to name", 7, 0, (void *)&a, len));
  pl = sizeof peer;
  R(recvfrom(l, b, 100, 0, (void *)&peer, &pl));
  R(send(y, "x", 1, 0));
  R(connect(y, (void *)&a, len));
  R(send(y, "xy", 2, 0));
  struct sockaddr_un own = {.sun_family = AF_UNIX};
  R(bind(y, (void *)&own, sizeof own.sun_family));
  pl = sizeof peer;
  getsockname(y, (void *)&peer, &pl);
  printf("autobind length %d\n", (int)pl);
  // Credentials on request.
  setsockopt(l, SOL_SOCKET, SO_PASSCRED, &(int){1}, 4);
  recv(l, b, 100, 0);
  send(y, "c", 1, 0);
  char ctl[200];
  struct iovec v = {b, 100};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
  R(recvmsg(l, &m, 0));
  struct cmsghdr *h = CMSG_FIRSTHDR(&m);
  printf("SCM_CREDENTIALS %d pid ok %d\n", h && h->cmsg_type == SCM_CREDENTIALS, h && ((struct ucred *)CMSG_DATA(h))->pid == getpid());
  R(recvmsg(l, (void *)8, 0));
  R(sendmsg(99, &m, 0));
  // Back-pressure, and a megabyte through a stream.
  socketpair(AF_UNIX, SOCK_STREAM, 0, s);
  fcntl(s[0], F_SETFL, O_NONBLOCK);
  long total = 0, k;
  while ((k = write(s[0], b, sizeof b)) > 0) total += k;
  printf("full %d %s\n", total > 50000, strerrorname_np(errno));
  fcntl(s[0], F_SETFL, 0);
  c = fork();
  if (c == 0) { close(s[1]); for (int i = 0; i < 20; i++) write(s[0], b, 50000); _exit(0); }
  close(s[0]);
  long sum = 0;
  while ((k = read(s[1], b, sizeof b)) > 0) sum += k;
  printf("through %d\n", sum == total + 1000000);
  reap("writer", c);
  // sendmmsg, recvmmsg.
  socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
  struct iovec iv[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
  struct mmsghdr mm[3] = {{{.msg_iov = &iv[0], .msg_iovlen = 1}, 0}, {{.msg_iov = &iv[1], .msg_iovlen = 1}, 0}, {{.msg_iov = &iv[2], .msg_iovlen = 1}, 0}};
  R(sendmmsg(s[0], mm, 3, 0));
  char r0[10], r1[10], r2[10], r3[10];
  struct iovec ir[4] = {{r0, 10}, {r1, 10}, {r2, 10}, {r3, 10}};
  struct mmsghdr mr[4] = {{{.msg_iov = &ir[0], .msg_iovlen = 1}, 0}, {{.msg_iov = &ir[1], .msg_iovlen = 1}, 0}, {{.msg_iov = &ir[2], .msg_iovlen = 1}, 0}, {{.msg_iov = &ir[3], .msg_iovlen = 1}, 0}};
  R(recvmmsg(s[1], mr, 4, MSG_DONTWAIT, NULL));
  printf("%u %u %u\n", mr[0].msg_len, mr[1].msg_len, mr[2].msg_len);
  return done();
}
