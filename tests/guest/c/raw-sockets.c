// Raw sockets and ping sockets on the loopback interface: echo, filters, headers of one's own, UDP seen and made, errors seen.
// guest: needs=root
#include "t.h"
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#define TO(a) (struct sockaddr *)&a, sizeof a
static struct sockaddr_in lo4 = {.sin_family = AF_INET};
static struct sockaddr_in6 lo6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
static unsigned char b[2048];

static unsigned short sum(const void *data, int n) {
  const unsigned short *p = data;
  unsigned long s = 0;
  for (; n > 1; n -= 2) s += *p++;
  if (n) s += *(unsigned char *)p;
  while (s >> 16) s = (s & 0xffff) + (s >> 16);
  return (unsigned short)~s;
}
static void echo(unsigned char *m, int type, int id, int seq) {
  memset(m, 0, 16);
  m[0] = (unsigned char)type;
  m[4] = (unsigned char)(id >> 8);
  m[5] = (unsigned char)id;
  m[7] = (unsigned char)seq;
  memcpy(m + 8, "payload", 8);
}

// Receives one packet; prints its ICMP part, behind `header` bytes.
static long show_(const char *what, int fd, int header) {
  struct sockaddr_storage from = {};
  socklen_t n = sizeof from;
  char host[64] = "?";
  long got = recvfrom(fd, b, sizeof b, MSG_DONTWAIT, (void *)&from, &n);
  if (got < 0) { printf("%s: %s\n", what, strerrorname_np(errno)); return got; }
  if (from.ss_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)&from)->sin_addr, host, sizeof host);
  else inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&from)->sin6_addr, host, sizeof host);
  printf("%s: %ld from %s type %d code %d seq %d", what, got, host, b[header], b[header + 1], b[header + 7]);
  if (header) printf(" ip %x ttl %d proto %d sums %d %d", b[0], b[8], b[9], sum(b, 20), sum(b + 20, (int)got - 20));
  printf("\n");
  return got;
}
static int portOf(int fd) {
  struct sockaddr_in a;
  socklen_t n = sizeof a;
  OK(getsockname(fd, (void *)&a, &n) == 0);
  return ntohs(a.sin_port);
}

static void four(void) {
  unsigned char m[16];
  int r = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), other = socket(AF_INET, SOCK_RAW, IPPROTO_EGP);
  echo(m, ICMP_ECHO, 77, 1);
  unsigned short s = sum(m, 16);
  memcpy(m + 2, &s, 2);
  R(sendto(r, m, 16, 0, TO(lo4)));
  // One's own request, then the answer.
  show_("request", r, 20);
  show_("answer", r, 20);
  show_("no more", r, 20);
  show_("other", other, 20);
  struct icmp_filter filter = {~(1u << ICMP_ECHOREPLY)};
  R(setsockopt(r, SOL_RAW, ICMP_FILTER, &filter, sizeof filter));
  R(sendto(r, m, 16, 0, TO(lo4)));
  show_("filtered", r, 20);
  show_("no more", r, 20);
  // A closed port of UDP.
  filter.data = 0;
  R(setsockopt(r, SOL_RAW, ICMP_FILTER, &filter, sizeof filter));
  int u = socket(AF_INET, SOCK_DGRAM, 0), raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
  struct sockaddr_in a = lo4;
  OK(bind(u, TO(a)) == 0);
  a.sin_port = htons(portOf(u));
  int w = socket(AF_INET, SOCK_DGRAM, 0);
  R(sendto(w, "seen", 4, 0, TO(a)));
  R(recv(raw, b, sizeof b, MSG_DONTWAIT));
  printf("raw udp \"%.4s\"\n", b + 28);
  R(recv(u, b, sizeof b, MSG_DONTWAIT));
  // UDP made by hand.
  unsigned char d[12] = {0, 9, 0, 0, 0, 12, 0, 0, 'h', 'a', 'n', 'd'};
  memcpy(d + 2, &a.sin_port, 2);
  R(sendto(raw, d, 12, 0, TO(lo4)));
  struct sockaddr_in from = {};
  socklen_t n = sizeof from;
  memset(b, 0, 8);
  R(recvfrom(u, b, sizeof b, MSG_DONTWAIT, (void *)&from, &n));
  printf("%.4s from port %d\n", b, ntohs(from.sin_port));
  close(u);
  R(sendto(w, "lost", 4, 0, TO(a)));
  if (show_("unreachable", r, 20) > 0) printf("about protocol %d port same %d\n", b[20 + 8 + 9], memcmp(b + 20 + 8 + 20 + 2, &a.sin_port, 2) == 0);
  close(w);
  close(raw);
  close(other);
  close(r);
}

static void ownHeader(void) {
  unsigned char p[36] = {0x45, 0, 0, 36, 0, 0, 0, 0, 9, IPPROTO_ICMP, 0, 0, 127, 0, 0, 8, 127, 0, 0, 1};
  int s = socket(AF_INET, SOCK_RAW, IPPROTO_RAW), r = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  echo(p + 20, ICMP_ECHO, 5, 2);
  unsigned short c = sum(p + 20, 16);
  memcpy(p + 22, &c, 2);
  R(sendto(s, p, 36, 0, TO(lo4)));
  show_("own header", r, 20);
  show_("its answer", r, 20);
  R(sendto(s, p, 10, 0, TO(lo4)));
  close(s);
  close(r);
}

static void six(void) {
  unsigned char m[16];
  int r = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  struct icmp6_filter filter;
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
  R(setsockopt(r, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter));
  echo(m, ICMP6_ECHO_REQUEST, 88, 3);
  R(sendto(r, m, 16, 0, TO(lo6)));
  show_("answer 6", r, 0);
  show_("no more", r, 0);
  close(r);
}

static void pings(void) {
  unsigned char m[16];
  // Ping sockets are for the groups in a setting of the network namespace.
  OK(unshare(CLONE_NEWNET) == 0);
  int f = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY);
  OK(f >= 0 && write(f, "0 0\n", 4) == 4);
  close(f);
  int u = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  ioctl(u, SIOCSIFFLAGS, &lo);
  close(u);
  int s = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  R(s >= 0);
  struct sockaddr_in a = lo4;
  a.sin_port = htons(4242);
  R(bind(s, TO(a)));
  echo(m, ICMP_ECHO, 1, 9);
  R(sendto(s, m, 16, 0, TO(lo4)));
  show_("ping", s, 0);
  printf("identifier %d\n", b[4] << 8 | b[5]);
  echo(m, ICMP_ECHOREPLY, 1, 9);
  R(sendto(s, m, 16, 0, TO(lo4)));
  R(sendto(s, m, 4, 0, TO(lo4)));
  close(s);
  s = socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
  echo(m, ICMP6_ECHO_REQUEST, 1, 10);
  R(connect(s, TO(lo6)));
  R(send(s, m, 16, 0));
  show_("ping 6", s, 0);
  close(s);
}

int main(void) {
  lo4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  R(socket(AF_INET, SOCK_RAW, 0));
  R(socket(AF_INET, SOCK_RAW, 300));
  R(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
  four();
  ownHeader();
  six();
  pings();
  if (setresuid(65534, 65534, 65534) == 0) R(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  return done();
}
