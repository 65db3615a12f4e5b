// guest: needs=root
// Network namespaces: interfaces, addresses, ports and names of their own; a veth pair between two. Natively in namespaces of its own.
#include "t.h"
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct { struct nlmsghdr h; char body[1024]; } request;

static void attach(int type, const void *data, int length) {
  struct rtattr *a = (void *)((char *)&request + NLMSG_ALIGN(request.h.nlmsg_len));
  a->rta_type = type;
  a->rta_len = RTA_LENGTH(length);
  if (length) memcpy(RTA_DATA(a), data, length);
  request.h.nlmsg_len = NLMSG_ALIGN(request.h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void begin(int type, int flags, const void *head, int length) {
  memset(&request, 0, sizeof request);
  request.h = (struct nlmsghdr){NLMSG_LENGTH(length), type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0};
  memcpy(request.body, head, length);
}

// Sends the request on a new socket: 0 or the error, as a call gives it.
static int ask(void) {
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  char answer[2048];
  send(s, &request, request.h.nlmsg_len, 0);
  long n = recv(s, answer, sizeof answer, 0);
  close(s);
  struct nlmsghdr *h = (void *)answer;
  if (n < (long)sizeof *h || h->nlmsg_type != NLMSG_ERROR) return 1;
  errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
  return errno ? -1 : 0;
}

static int address(int type, int flags, const char *name, const char *host, int length) {
  struct ifaddrmsg m = {.ifa_family = AF_INET, .ifa_prefixlen = length, .ifa_index = if_nametoindex(name)};
  begin(type, flags, &m, sizeof m);
  struct in_addr a;
  inet_pton(AF_INET, host, &a);
  attach(IFA_LOCAL, &a, 4);
  attach(IFA_ADDRESS, &a, 4);
  return ask();
}

static int up(const char *name, int on) {
  struct ifreq r = {0};
  strcpy(r.ifr_name, name);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  int done = ioctl(s, SIOCGIFFLAGS, &r);
  if (done == 0) {
    r.ifr_flags = on ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP;
    done = ioctl(s, SIOCSIFFLAGS, &r);
  }
  int saved = errno;
  close(s);
  errno = saved;
  return done;
}

static struct sockaddr_in in4(const char *host, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &a.sin_addr);
  return a;
}

static int dial(int s, const char *host, int port) {
  struct sockaddr_in a = in4(host, port);
  return connect(s, (void *)&a, sizeof a);
}

static int serve(const char *host, int port) {
  struct sockaddr_in a = in4(host, port);
  int s = socket(AF_INET, SOCK_STREAM, 0);
  return bind(s, (void *)&a, sizeof a) || listen(s, 5) ? -1 : s;
}

static int unixName(int s, int binds) {
  struct sockaddr_un a = {AF_UNIX, "\0guest-net-namespaces"};
  socklen_t n = offsetof(struct sockaddr_un, sun_path) + 21;
  return binds ? bind(s, (void *)&a, n) : connect(s, (void *)&a, n);
}

static void show_file(const char *file) {
  char text[2048] = "";
  int fd = open(file, O_RDONLY);
  long n = read(fd, text, sizeof text - 1);
  close(fd);
  printf("%s: %s", file, n < 0 ? strerrorname_np(errno) : text);
}

static void loopback(void) {
  R(up("lo", 0));
  int s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
  R(dial(s, "127.0.0.1", 7));
  R(dial(u, "127.0.0.1", 7));
  close(s);
  show_file("/proc/net/dev");
  show_file("/proc/net/if_inet6");
  R(address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "lo", "127.0.0.1", 8));
  R(address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "lo", "127.0.0.1", 8));
  R(address(RTM_NEWADDR, NLM_F_CREATE, "lo", "127.0.0.1", 33));
  R(address(RTM_NEWADDR, NLM_F_CREATE, "none", "127.0.0.1", 8));
  R(address(RTM_DELADDR, 0, "lo", "127.0.0.9", 8));
  struct ifinfomsg m = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  begin(RTM_NEWLINK, 0, &m, sizeof m);
  R(ask());
  m.ifi_index = 77;
  begin(RTM_SETLINK, 0, &m, sizeof m);
  R(ask());
  m.ifi_index = 1;
  begin(RTM_DELLINK, 0, &m, sizeof m);
  R(ask());
  R(address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "lo", "10.1.2.3", 24));
  s = serve("127.0.0.1", 4000);
  OK(s >= 0);
  R(serve("127.0.0.1", 4000));
  R(serve("10.9.9.9", 4000));
  int c = socket(AF_INET, SOCK_STREAM, 0);
  R(dial(c, "127.0.0.1", 4000));
  close(c);
  c = socket(AF_INET, SOCK_STREAM, 0);
  R(dial(c, "8.8.8.8", 80));
  close(c);
  OK(serve("10.1.2.200", 4001) >= 0);
  R(address(RTM_DELADDR, 0, "lo", "10.1.2.3", 24));
  R(serve("10.1.2.200", 4002));
  close(u);
}

// A socket stays in the network that it was made in; names, ports and settings are those of each network.
static void apart(void) {
  int outside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), early = socket(AF_UNIX, SOCK_STREAM, 0), late;
  R(unixName(listener, 1));
  R(listen(listener, 5));
  int server = serve("127.0.0.1", 4100), client = socket(AF_INET, SOCK_STREAM, 0);
  OK(server >= 0);
  int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY);
  R(write(fd, "88", 2));
  close(fd);
  R(unshare(CLONE_NEWNET));
  show_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  R(up("lo", 1));
  late = socket(AF_UNIX, SOCK_STREAM, 0);
  R(unixName(late, 0));
  R(unixName(late, 1));
  R(unixName(early, 0));
  OK(serve("127.0.0.1", 4100) >= 0);
  R(dial(client, "127.0.0.1", 4100));
  R(accept(server, NULL, NULL) >= 0);
  int inside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  struct stat a, b;
  OK(fstat(inside, &a) == 0 && fstat(outside, &b) == 0 && a.st_ino != b.st_ino);
  int of = ioctl(server, 0x894c); // SIOCGSKNS
  OK(of >= 0 && fstat(of, &a) == 0 && a.st_ino == b.st_ino);
  R(setns(outside, CLONE_NEWNET));
  show_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
  R(serve("127.0.0.1", 4100));
}

static int veth(const char *name, const char *peer) {
  struct ifinfomsg m = {0};
  begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof m);
  attach(IFLA_IFNAME, name, strlen(name) + 1);
  struct rtattr *info = (void *)((char *)&request + NLMSG_ALIGN(request.h.nlmsg_len));
  attach(IFLA_LINKINFO, NULL, 0);
  attach(IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = (void *)((char *)&request + NLMSG_ALIGN(request.h.nlmsg_len));
  attach(IFLA_INFO_DATA, NULL, 0);
  struct rtattr *other = (void *)((char *)&request + NLMSG_ALIGN(request.h.nlmsg_len));
  attach(VETH_INFO_PEER, &m, sizeof m);
  attach(IFLA_IFNAME, peer, strlen(peer) + 1);
  char *end = (char *)&request + request.h.nlmsg_len;
  info->rta_len = end - (char *)info;
  data->rta_len = end - (char *)data;
  other->rta_len = end - (char *)other;
  return ask();
}

static void pairs(void) {
  int go[2], ready[2];
  OK(pipe(go) == 0 && pipe(ready) == 0);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    char c;
    OK(unshare(CLONE_NEWNET) == 0);
    OK(write(ready[1], "x", 1) == 1 && read(go[0], &c, 1) == 1);
    OK(if_nametoindex("v1") != 0 && if_nametoindex("v0") == 0);
    OK(address(RTM_NEWADDR, NLM_F_CREATE, "v1", "10.7.0.2", 24) == 0 && up("v1", 1) == 0);
    int s = serve("10.7.0.2", 4200), u = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in a = in4("0.0.0.0", 4200), from;
    OK(s >= 0 && bind(u, (void *)&a, sizeof a) == 0);
    OK(write(ready[1], "x", 1) == 1);
    int one = accept(s, NULL, NULL);
    char text[32] = "";
    OK(read(one, text, 5) == 5 && write(one, "world", 5) == 5);
    OK(!strcmp(text, "hello"));
    socklen_t n = sizeof from;
    memset(text, 0, sizeof text);
    OK(recvfrom(u, text, sizeof text, 0, (void *)&from, &n) == 8);
    OK(!strcmp(inet_ntoa(from.sin_addr), "10.7.0.1") && !strcmp(text, "datagram"));
    _exit(failures);
  }
  char c, text[8] = "";
  R(veth("v0", "v1"));
  R(veth("v0", "v2"));
  OK(read(ready[0], &c, 1) == 1);
  struct ifinfomsg m = {.ifi_index = if_nametoindex("v1")};
  begin(RTM_SETLINK, 0, &m, sizeof m);
  attach(IFLA_NET_NS_PID, &child, 4);
  R(ask());
  R(if_nametoindex("v1"));
  R(address(RTM_NEWADDR, NLM_F_CREATE, "v0", "10.7.0.1", 24));
  R(up("v0", 1));
  OK(write(go[1], "x", 1) == 1 && read(ready[0], &c, 1) == 1);
  int s = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
  R(dial(s, "10.7.0.2", 4200));
  OK(write(s, "hello", 5) == 5 && read(s, text, 5) == 5);
  puts(text);
  struct sockaddr_in a = in4("10.7.0.2", 4200);
  R(sendto(u, "datagram", 8, 0, (void *)&a, sizeof a));
  reap("other network", child);
  m.ifi_index = if_nametoindex("v0");
  begin(RTM_DELLINK, 0, &m, sizeof m);
  ask(); // may be gone with the other network already
  R(if_nametoindex("v0"));
}

static int unprivileged(void) {
  OK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
  R(up("lo", 0));
  R(address(RTM_NEWADDR, NLM_F_CREATE, "lo", "10.1.2.3", 24));
  R(unshare(CLONE_NEWUSER | CLONE_NEWNET));
  R(up("lo", 1));
  R(address(RTM_NEWADDR, NLM_F_CREATE, "lo", "10.1.2.3", 24));
  R(serve("127.0.0.1", 80) >= 0);
  return failures;
}

int main(void) {
  R(unshare(CLONE_NEWNET));
  loopback();
  apart();
  pairs();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(unprivileged());
  reap("unprivileged", child);
  return done();
}
