// TCP and UDP over the loopback interface, IPv4 and IPv6: names, connections, ends, resets, polling, what cannot be reached.
#include "t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static struct sockaddr_in in4(const char *host, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  return a;
}
static int portOf(int fd) {
  struct sockaddr_storage a;
  socklen_t n = sizeof a;
  OK(getsockname(fd, (void *)&a, &n) == 0);
  return ntohs(((struct sockaddr_in *)&a)->sin_port);
}
static void name(const char *what, int fd, int peer, int own) {
  struct sockaddr_storage a = {};
  socklen_t n = sizeof a;
  char text[64] = "-";
  int r = peer ? getpeername(fd, (void *)&a, &n) : getsockname(fd, (void *)&a, &n);
  if (r < 0) { printf("%s: %s\n", what, strerrorname_np(errno)); return; }
  if (a.ss_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)&a)->sin_addr, text, sizeof text);
  else inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&a)->sin6_addr, text, sizeof text);
  printf("%s: family %d length %d %s port known %d\n", what, a.ss_family, (int)n, text, ntohs(((struct sockaddr_in *)&a)->sin_port) == own);
}
static int events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 0);
  return p.revents;
}
#define TO(a) (struct sockaddr *)&a, sizeof a

static int listener(int *port) {
  int l = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = in4("127.0.0.1", 0);
  OK(bind(l, TO(a)) == 0);
  OK(listen(l, 5) == 0);
  *port = portOf(l);
  return l;
}

static void tcp(void) {
  char b[200000];
  int port, one = 1, l = listener(&port);
  name("listener", l, 0, port);
  printf("listener polls %x\n", events(l));
  int c = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  printf("new socket polls %x\n", events(c));
  R(send(c, "x", 1, MSG_NOSIGNAL));
  R(recv(c, b, 1, 0));
  int unused = socket(AF_INET, SOCK_STREAM, 0);
  R(shutdown(unused, SHUT_WR));
  close(unused);
  struct sockaddr_in a = in4("127.0.0.1", port);
  R(connect(c, TO(a)));
  R(connect(c, TO(a)));
  R(listen(c, 1));
  name("client's peer", c, 1, port);
  printf("with a connection %x\n", events(l));
  int s = accept(l, NULL, NULL);
  OK(s >= 0);
  name("accepted", s, 0, port);
  name("its peer", s, 1, portOf(c));
  R(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
  int got = 0;
  socklen_t n = sizeof got;
  R(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &got, &n));
  OK(got != 0);
  R(getsockopt(c, IPPROTO_TCP, 200, &got, &n));
  R(getsockopt(c, IPPROTO_IPV6, IPV6_V6ONLY, &got, &n));
  n = sizeof got;
  getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &got, &n);
  printf("accepts %d\n", got);
  R(write(c, "hello", 5));
  R(recv(s, b, 3, MSG_PEEK));
  R(read(s, b, 3));
  R(recv(s, b, sizeof b, MSG_DONTWAIT));
  R(recv(s, b, sizeof b, MSG_DONTWAIT));
  printf("server polls %x\n", events(s));
  R(shutdown(c, SHUT_WR));
  printf("after their end %x\n", events(s));
  R(read(s, b, 1));
  R(write(s, "still", 5));
  R(read(c, b, sizeof b));
  R(send(c, "x", 1, MSG_NOSIGNAL));
  close(s);
  printf("both ends %x\n", events(c));
  R(read(c, b, 1));
  close(c);
  // Much data, both ways, through a child.
  pid_t p = fork();
  if (p == 0) {
    int k = socket(AF_INET, SOCK_STREAM, 0);
    OK(connect(k, TO(a)) == 0);
    long total = 0, r;
    memset(b, 'c', sizeof b);
    for (int i = 0; i < 20; i++) OK(write(k, b, sizeof b) == sizeof b);
    shutdown(k, SHUT_WR);
    while ((r = read(k, b, sizeof b)) > 0) total += r;
    printf("child got %ld\n", total);
    _exit(0);
  }
  s = accept(l, NULL, NULL);
  long total = 0, r;
  while ((r = read(s, b, sizeof b)) > 0) total += r;
  OK(write(s, b, 1000) == 1000);
  close(s);
  reap("child", p);
  printf("parent got %ld\n", total);
  // Closed with unread data: a reset.
  c = socket(AF_INET, SOCK_STREAM, 0);
  connect(c, TO(a));
  s = accept(l, NULL, NULL);
  write(c, "unread", 6);
  close(s);
  R(read(c, b, 1));
  R(send(c, "x", 1, MSG_NOSIGNAL));
  close(c);
  // Closed first, then written to: the second time it is known.
  c = socket(AF_INET, SOCK_STREAM, 0);
  connect(c, TO(a));
  s = accept(l, NULL, NULL);
  close(s);
  R(send(c, "x", 1, MSG_NOSIGNAL));
  R(send(c, "x", 1, MSG_NOSIGNAL));
  close(c);
  // Without waiting.
  c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  R(connect(c, TO(a)));
  struct pollfd w = {c, POLLOUT, 0};
  R(poll(&w, 1, 1000));
  n = sizeof got;
  R(getsockopt(c, SOL_SOCKET, SO_ERROR, &got, &n));
  printf("error %d\n", got);
  R(connect(c, TO(a)));
  R(connect(c, TO(a)));
  close(c);
  s = accept(l, NULL, NULL);
  close(s);
  fcntl(l, F_SETFL, O_NONBLOCK);
  R(accept(l, NULL, NULL));
  close(l);
  c = socket(AF_INET, SOCK_STREAM, 0);
  R(connect(c, TO(a)));
  close(c);
  c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  R(connect(c, TO(a)));
  w.fd = c;
  R(poll(&w, 1, 1000));
  getsockopt(c, SOL_SOCKET, SO_ERROR, &got, &n);
  printf("error %s\n", strerrorname_np(got));
  close(c);
}

static void names(void) {
  int port, l = listener(&port), s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in a = in4("127.0.0.1", port), far = in4("192.0.2.1", 9);
  R(bind(s, TO(a)));
  R(bind(s, TO(far)));
  R(bind(s, (void *)&a, 4));
  a.sin_family = 99;
  R(bind(s, TO(a)));
  a = in4("127.0.0.1", port);
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  R(bind(s, TO(a)));
  struct sockaddr_in second = in4("127.0.0.2", port);
  R(bind(s, TO(second)));
  R(bind(s, TO(second)));
  R(listen(s, 1));
  R(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
  R(socket(AF_INET, 7, 0));
  R(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){}));
  close(s);
  close(l);
}

static void six(void) {
  int l = socket(AF_INET6, SOCK_STREAM, 0);
  struct sockaddr_in6 a = {.sin6_family = AF_INET6};
  OK(bind(l, TO(a)) == 0 && listen(l, 3) == 0);
  int port = portOf(l);
  name("v6 listener", l, 0, port);
  int c = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in four = in4("127.0.0.1", port);
  R(connect(c, TO(four)));
  int s = accept(l, NULL, NULL);
  name("v4 to v6", s, 0, port);
  name("its peer", s, 1, portOf(c));
  close(c);
  close(s);
  c = socket(AF_INET6, SOCK_STREAM, 0);
  a.sin6_addr = in6addr_loopback;
  a.sin6_port = htons(port);
  R(connect(c, TO(a)));
  s = accept(l, NULL, NULL);
  name("v6 to v6", s, 1, portOf(c));
  R(write(s, "six", 3));
  char b[8];
  R(read(c, b, 8));
  close(c);
  close(s);
  close(l);
  int one = 1;
  l = socket(AF_INET6, SOCK_STREAM, 0);
  R(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one));
  memset(&a, 0, sizeof a);
  a.sin6_family = AF_INET6;
  OK(bind(l, TO(a)) == 0 && listen(l, 3) == 0);
  four.sin_port = htons(portOf(l));
  c = socket(AF_INET, SOCK_STREAM, 0);
  R(connect(c, TO(four)));
  close(c);
  close(l);
}

static void udp(void) {
  int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in any = in4("127.0.0.1", 0), from;
  socklen_t n = sizeof from;
  OK(bind(a, TO(any)) == 0);
  struct sockaddr_in to = in4("127.0.0.1", portOf(a));
  char m[70000] = "";
  R(send(b, "x", 1, 0));
  R(sendto(b, "datagram", 8, 0, TO(to)));
  R(sendto(b, "", 0, 0, TO(to)));
  R(sendto(b, m, sizeof m, 0, TO(to)));
  printf("polls %x\n", events(a));
  R(recvfrom(a, m, 4, MSG_PEEK, (void *)&from, &n));
  OK(ntohs(from.sin_port) == portOf(b) && from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  R(recv(a, m, 4, MSG_TRUNC));
  R(recv(a, m, 4, 0));
  R(recv(a, m, 4, MSG_DONTWAIT));
  R(connect(b, TO(to)));
  R(send(b, "connected", 9, 0));
  R(recv(a, m, sizeof m, 0));
  // A connected socket hears only its peer.
  int c = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in tob = in4("127.0.0.1", portOf(b));
  R(sendto(c, "stranger", 8, 0, TO(tob)));
  R(recv(b, m, sizeof m, MSG_DONTWAIT));
  close(a);
  R(send(b, "lost", 4, 0));
  R(recv(b, m, sizeof m, MSG_DONTWAIT));
  struct sockaddr none = {AF_UNSPEC};
  R(connect(b, &none, sizeof none));
  R(getpeername(b, (void *)&from, &n));
  R(listen(b, 1));
  close(b);
  close(c);
}

// A connection starts with the options of its listener.
static void inherited(void) {
  int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), small = 4096, got;
  struct timeval time = {0, 20000}, shown;
  struct linger linger = {1, 3};
  OK(setsockopt(l, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0 && setsockopt(l, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  OK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0 && setsockopt(l, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
  OK(setsockopt(c, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  struct sockaddr_in any = in4("127.0.0.1", 0);
  OK(bind(l, TO(any)) == 0 && listen(l, 1) == 0);
  struct sockaddr_in to = in4("127.0.0.1", portOf(l));
  OK(connect(c, TO(to)) == 0);
  int s = accept(l, 0, 0);
  socklen_t n = sizeof got;
  R(getsockopt(s, SOL_SOCKET, SO_RCVBUF, &got, &n));
  printf("receive %d\n", got);
  R(getsockopt(s, SOL_SOCKET, SO_SNDBUF, &got, &n));
  printf("send %d\n", got);
  n = sizeof shown;
  R(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &shown, &n));
  printf("timeout %d\n", shown.tv_usec > 0);
  n = sizeof linger;
  R(getsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &n));
  printf("linger %d %d\n", linger.l_onoff, linger.l_linger);
  // A reader that asked for little holds a writer up long before the default of some hundred KiB.
  char piece[1000] = "";
  int sent = 0;
  while (sent < 100 && send(c, piece, sizeof piece, MSG_DONTWAIT) == sizeof piece) sent++;
  printf("held up %d\n", sent < 100);
  close(s);
  close(c);
  close(l);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  tcp();
  names();
  six();
  udp();
  inherited();
  return done();
}
