// Ancillary data of UDP over IPv4 and IPv6 both ways, corking, segments, queued errors, groups, UDP-Lite, SO_REUSEPORT, options.
#include "t.h"
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#define TO(a) (struct sockaddr *)&a, sizeof a
static union { char bytes[512]; struct cmsghdr align; } control;

static int receiver(int family, int protocol, struct sockaddr_storage *at) {
  int fd = socket(family, SOCK_DGRAM, protocol);
  struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t length = family == AF_INET ? sizeof a4 : sizeof a6;
  OK(bind(fd, family == AF_INET ? (void *)&a4 : (void *)&a6, length) == 0);
  length = sizeof *at;
  OK(getsockname(fd, (void *)at, &length) == 0);
  return fd;
}
static void set(int fd, int level, int name, int value) { OK(setsockopt(fd, level, name, &value, sizeof value) == 0); }

// Receives one message and prints what came with it.
static void show_(const char *what, int fd, int flags) {
  char data[64] = {}, host[64] = "";
  struct sockaddr_storage from = {};
  struct iovec iov = {data, sizeof data};
  struct msghdr m = {&from, sizeof from, &iov, 1, control.bytes, sizeof control.bytes, 0};
  long n = recvmsg(fd, &m, flags | MSG_DONTWAIT);
  if (n < 0) { printf("%s: %s\n", what, strerrorname_np(errno)); return; }
  printf("%s: %ld \"%.20s\" flags %x", what, n, data, m.msg_flags);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    int length = (int)(c->cmsg_len - CMSG_LEN(0));
    printf(" [%d/%d %d:", c->cmsg_level, c->cmsg_type, length);
    void *d = CMSG_DATA(c);
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo *i = d;
      printf("if %d %s", i->ipi_ifindex, inet_ntop(AF_INET, &i->ipi_addr, host, sizeof host));
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo *i = d;
      printf("if %d %s", i->ipi6_ifindex, inet_ntop(AF_INET6, &i->ipi6_addr, host, sizeof host));
    } else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
      struct sock_extended_err *e = d;
      printf("%s origin %d type %d code %d", strerrorname_np((int)e->ee_errno), e->ee_origin, e->ee_type, e->ee_code);
    } else if (c->cmsg_level == SOL_SOCKET && length == 16) {
      struct timespec *t = d;
      printf("time known %d", labs(t->tv_sec - time(NULL)) < 100);
    } else if (length == 4) printf("%d", *(int *)d);
    else if (length == 1) printf("%d", *(unsigned char *)d);
    printf("]");
  }
  printf("\n");
}

static long sendWith(int fd, struct sockaddr_storage *to, int level, int type, void *value, int length) {
  struct iovec iov = {"data", 4};
  struct msghdr m = {to, to->ss_family == AF_INET ? 16 : 28, &iov, 1, control.bytes, CMSG_SPACE(length), 0};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  memset(control.bytes, 0, sizeof control.bytes);
  *c = (struct cmsghdr){CMSG_LEN(length), level, type};
  memcpy(CMSG_DATA(c), value, length);
  return sendmsg(fd, &m, 0);
}

static void four(void) {
  struct sockaddr_storage at;
  int r = receiver(AF_INET, 0, &at), s = socket(AF_INET, SOCK_DGRAM, 0), value;
  set(r, IPPROTO_IP, IP_PKTINFO, 1);
  set(r, IPPROTO_IP, IP_RECVTTL, 1);
  set(r, IPPROTO_IP, IP_RECVTOS, 1);
  set(r, SOL_SOCKET, SO_TIMESTAMP, 1);
  set(s, IPPROTO_IP, IP_TTL, 7);
  set(s, IPPROTO_IP, IP_TOS, 0x10);
  sendto(s, "plain", 5, 0, (void *)&at, 16);
  show_("socket's", r, 0);
  value = 33;
  R(sendWith(s, &at, IPPROTO_IP, IP_TTL, &value, 4));
  show_("ttl", r, MSG_PEEK);
  set(r, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  show_("ttl", r, 0);
  set(r, SOL_SOCKET, SO_TIMESTAMPNS, 0);
  value = 0x20;
  R(sendWith(s, &at, IPPROTO_IP, IP_TOS, &value, 1));
  show_("tos", r, 0);
  value = 256;
  R(sendWith(s, &at, IPPROTO_IP, IP_TTL, &value, 4));
  R(sendWith(s, &at, IPPROTO_IP, 99, &value, 4));
  R(sendWith(s, &at, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, 4));
  show_("not ours", r, 0);
  struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f000009)};
  R(sendWith(s, &at, IPPROTO_IP, IP_PKTINFO, &info, sizeof info));
  show_("source", r, 0);
  info.ipi_ifindex = 77;
  S(sendWith(s, &at, IPPROTO_IP, IP_PKTINFO, &info, sizeof info));
  close(r);
  close(s);
}

static void six(void) {
  struct sockaddr_storage at;
  int r = receiver(AF_INET6, 0, &at), s = socket(AF_INET6, SOCK_DGRAM, 0), value = 5;
  set(r, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  set(r, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
  set(r, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
  sendto(s, "plain", 5, 0, (void *)&at, 28);
  show_("six", r, 0);
  R(sendWith(s, &at, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, 4));
  show_("hop limit", r, 0);
  R(sendWith(s, &at, IPPROTO_IPV6, IPV6_TCLASS, &value, 4));
  show_("class", r, 0);
  value = -1;
  R(sendWith(s, &at, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, 4));
  show_("default", r, 0);
  value = -2;
  R(sendWith(s, &at, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, 4));
  struct in6_pktinfo info = {.ipi6_addr = IN6ADDR_LOOPBACK_INIT, .ipi6_ifindex = 1};
  R(sendWith(s, &at, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info));
  show_("source", r, 0);
  set(s, IPPROTO_IPV6, IPV6_TCLASS, 9);
  set(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 0);
  // Less room than the ancillary data needs.
  sendto(s, "cut", 3, 0, (void *)&at, 28);
  char data[8];
  struct iovec iov = {data, sizeof data};
  struct msghdr m = {NULL, 0, &iov, 1, control.bytes, CMSG_LEN(8), 0};
  R(recvmsg(r, &m, 0));
  printf("truncated %d length %zu\n", (m.msg_flags & MSG_CTRUNC) != 0, m.msg_controllen);
  close(r);
  close(s);
}

static void corked(void) {
  struct sockaddr_storage at;
  int r = receiver(AF_INET, 0, &at), s = socket(AF_INET, SOCK_DGRAM, 0);
  R(connect(s, (void *)&at, 16));
  R(send(s, "one ", 4, MSG_MORE));
  show_("more", r, 0);
  R(send(s, "two", 3, 0));
  show_("both", r, 0);
  set(s, IPPROTO_UDP, UDP_CORK, 1);
  R(send(s, "a", 1, 0));
  R(write(s, "b", 1));
  show_("corked", r, 0);
  set(s, IPPROTO_UDP, UDP_CORK, 0);
  show_("uncorked", r, 0);
  set(s, IPPROTO_UDP, UDP_SEGMENT, 3);
  R(send(s, "abcdefgh", 8, 0));
  for (int i = 0; i < 3; i++) show_("segment", r, 0);
  char *big = calloc(1, 70000);
  set(s, IPPROTO_UDP, UDP_SEGMENT, 0);
  R(send(s, big, 65508, 0));
  R(send(s, big, 65536, 0));
  R(send(s, big, 60000, MSG_MORE));
  R(send(s, big, 6000, 0));
  free(big);
  close(r);
  close(s);
}

static void errors(int family) {
  struct sockaddr_storage nobody;
  close(receiver(family, 0, &nobody));
  int s = socket(family, SOCK_DGRAM, 0), length = family == AF_INET ? 16 : 28;
  struct pollfd p = {s, POLLIN | POLLOUT, 0};
  R(sendto(s, "lost", 4, 0, (void *)&nobody, length));
  show_("no queue", s, MSG_ERRQUEUE);
  set(s, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, 1);
  R(sendto(s, "first", 5, 0, (void *)&nobody, length));
  R(sendto(s, "second", 6, 0, (void *)&nobody, length));
  poll(&p, 1, 0);
  printf("polls %x\n", p.revents);
  show_("queue", s, MSG_ERRQUEUE);
  show_("queue", s, MSG_ERRQUEUE);
  show_("empty", s, MSG_ERRQUEUE);
  poll(&p, 1, 0);
  printf("polls %x\n", p.revents);
  show_("error gone", s, 0);
  close(s);
}

static void lite(void) {
  struct sockaddr_storage at;
  int r = receiver(AF_INET, IPPROTO_UDPLITE, &at), s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), u = socket(AF_INET, SOCK_DGRAM, 0), value;
  socklen_t n = sizeof value;
  set(s, IPPROTO_UDPLITE, 10, 3);
  OK(getsockopt(s, IPPROTO_UDPLITE, 10, &value, &n) == 0);
  printf("coverage %d\n", value);
  R(sendto(s, "lite", 4, 0, (void *)&at, 16));
  show_("lite", r, 0);
  // Ports of UDP are others.
  R(bind(u, (void *)&at, 16));
  close(r);
  close(s);
  close(u);
}

static void group(void) {
  int port, r = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in any = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
  socklen_t n = sizeof any;
  OK(bind(r, TO(any)) == 0 && getsockname(r, (void *)&any, &n) == 0);
  port = any.sin_port;
  struct ip_mreqn join = {.imr_ifindex = 1};
  inet_pton(AF_INET, "239.1.2.3", &join.imr_multiaddr);
  R(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join));
  R(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join));
  R(setsockopt(s, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof join));
  to.sin_addr = join.imr_multiaddr;
  to.sin_port = port;
  struct ip_mreqn lo = {.imr_address.s_addr = htonl(INADDR_LOOPBACK), .imr_ifindex = 1};
  R(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo));
  set(r, IPPROTO_IP, IP_RECVTTL, 1);
  R(sendto(s, "all", 3, 0, TO(to)));
  show_("group", r, 0);
  R(setsockopt(r, IPPROTO_IP, IP_DROP_MEMBERSHIP, &join, sizeof join));
  join.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
  R(setsockopt(r, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join));
  close(r);
  close(s);
}

static void shared(void) {
  int one = 1, fds[3], total = 0;
  struct sockaddr_storage at = {};
  for (int i = 0; i < 3; i++) {
    fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (i > 0) a = *(struct sockaddr_in *)&at;
    OK(bind(fds[i], TO(a)) == 0);
    socklen_t n = sizeof at;
    OK(getsockname(fds[i], (void *)&at, &n) == 0);
  }
  // A flow stays with one socket, and each message comes once.
  for (int i = 0; i < 40; i++) {
    int s = socket(AF_INET, SOCK_DGRAM, 0), hearers = 0, heard = 0;
    for (int k = 0; k < 2; k++) OK(sendto(s, "x", 1, 0, (void *)&at, 16) == 1);
    for (int k = 0; k < 3; k++) {
      char b[4];
      int here = 0;
      while (recv(fds[k], b, 4, MSG_DONTWAIT) > 0) here++;
      hearers += here > 0;
      heard += here;
    }
    OK(hearers == 1 && heard == 2);
    total += heard;
    close(s);
  }
  printf("heard %d\n", total);
  for (int i = 0; i < 3; i++) close(fds[i]);
}

// What an option is at first, and after 1, 0, -1 have been set.
static void option(const char *what, int fd, int level, int name) {
  printf("%s:", what);
  for (int step = 0; step < 4; step++) {
    int value = step == 1 ? 1 : step == 2 ? 0 : -1, r = 0;
    socklen_t n = 4;
    if (step > 0) r = setsockopt(fd, level, name, &value, 4);
    if (r == 0) r = getsockopt(fd, level, name, &value, &n);
    if (r < 0) printf(" %s", strerrorname_np(errno));
    else printf(" %d", value);
  }
  printf("\n");
}
#define OPTION(fd, level, name) option(#fd " " #name, fd, level, name)

static void options(void) {
  int udp = socket(AF_INET, SOCK_DGRAM, 0), udp6 = socket(AF_INET6, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
  int local = socket(AF_UNIX, SOCK_STREAM, 0);
  OPTION(udp, IPPROTO_IP, IP_TTL);
  OPTION(udp, IPPROTO_IP, IP_TOS);
  OPTION(udp, IPPROTO_IP, IP_MTU_DISCOVER);
  OPTION(udp, IPPROTO_IP, IP_HDRINCL);
  OPTION(udp, IPPROTO_IP, IP_MTU);
  OPTION(udp, IPPROTO_IP, IP_MULTICAST_TTL);
  OPTION(udp, IPPROTO_IPV6, IPV6_V6ONLY);
  OPTION(udp, IPPROTO_TCP, 1);
  OPTION(udp, IPPROTO_UDP, UDP_CORK);
  OPTION(udp, IPPROTO_UDP, 77);
  OPTION(tcp, IPPROTO_UDP, UDP_CORK);
  OPTION(tcp, IPPROTO_IP, IP_TOS);
  OPTION(udp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS);
  OPTION(udp6, IPPROTO_IPV6, IPV6_TCLASS);
  OPTION(udp6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS);
  OPTION(udp6, IPPROTO_IPV6, IPV6_ADDRFORM);
  OPTION(udp6, IPPROTO_IPV6, IPV6_V6ONLY);
  OPTION(udp, SOL_SOCKET, SO_BUSY_POLL);
  OPTION(udp, SOL_SOCKET, SO_INCOMING_CPU);
  OPTION(udp, SOL_SOCKET, SO_MARK);
  OPTION(udp, SOL_SOCKET, SO_RCVLOWAT);
  OPTION(udp, SOL_SOCKET, SO_ZEROCOPY);
  OPTION(udp, SOL_SOCKET, SO_BSDCOMPAT);
  OPTION(udp, SOL_SOCKET, SO_DETACH_FILTER);
  OPTION(udp, SOL_SOCKET, SO_BUF_LOCK);
  OPTION(udp, SOL_SOCKET, SO_PEERNAME);
  OPTION(udp, SOL_SOCKET, 4000);
  OPTION(local, SOL_SOCKET, SO_ZEROCOPY);
  OPTION(local, SOL_SOCKET, SO_REUSEPORT);
  OPTION(local, SOL_SOCKET, SO_PRIORITY);
  R(setsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, "nothing", 8));
  R(setsockopt(udp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
  R(setsockopt(tcp, IPPROTO_TCP, 13, "nothing", 8));
}

int main(void) {
  four();
  six();
  corked();
  errors(AF_INET);
  errors(AF_INET6);
  lite();
  group();
  shared();
  options();
  return done();
}
