// NETLINK_ROUTE: the loopback interface and its addresses as libraries list them, and what is refused. Others that the host has are left out.
#include "t.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
int main(void) {
  struct ifaddrs *all = NULL;
  R(getifaddrs(&all));
  for (struct ifaddrs *i = all; i; i = i->ifa_next) {
    char host[64] = "-", mask[64] = "-";
    if (strcmp(i->ifa_name, "lo") || !i->ifa_addr) continue;
    int f = i->ifa_addr->sa_family;
    if (f == AF_INET) { inet_ntop(f, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, host, 64); inet_ntop(f, &((struct sockaddr_in *)i->ifa_netmask)->sin_addr, mask, 64); }
    // Not every host has IPv6.
    if (f == AF_INET6) continue;
    printf("lo: family %d flags %x %s %s\n", f, i->ifa_flags, host, mask);
  }
  freeifaddrs(all);
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  OK(s >= 0);
  struct sockaddr_nl a = {AF_NETLINK}, from;
  socklen_t n = sizeof a;
  R(bind(s, (void *)&a, sizeof a));
  getsockname(s, (void *)&a, &n);
  OK(a.nl_pid != 0 && n == sizeof a);
  struct { struct nlmsghdr h; struct ifinfomsg i; } get = {{sizeof get, RTM_GETLINK, NLM_F_REQUEST, 7, 0}, {.ifi_index = 1}};
  R(send(s, &get, sizeof get, 0));
  static char b[16384];
  n = sizeof from;
  OK(recvfrom(s, b, 16, MSG_PEEK | MSG_TRUNC, (void *)&from, &n) > 100);
  OK(recv(s, b, sizeof b, 0) > 0);
  struct nlmsghdr *h = (void *)b;
  struct ifinfomsg *i = NLMSG_DATA(h);
  printf("answer type %d seq %d index %d kind %d, from %d\n", h->nlmsg_type, h->nlmsg_seq, i->ifi_index, i->ifi_type, from.nl_pid);
  get.i.ifi_index = 99999;
  send(s, &get, sizeof get, 0);
  OK(recv(s, b, sizeof b, 0) > 0);
  printf("answer type %d error %s\n", h->nlmsg_type, strerrorname_np(-((struct nlmsgerr *)NLMSG_DATA(h))->error));
  R(recv(s, b, sizeof b, MSG_DONTWAIT));
  R(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
  R(if_nametoindex("lo"));
  char name[IF_NAMESIZE] = "";
  OK(if_indextoname(1, name) != NULL);
  printf("%s\n", name);
  return done();
}
