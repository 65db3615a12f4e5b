// A datagram socket that loses its peer loses the address that connect(2) chose for it: getaddrinfo(3) tries families so.
#include "t.h"
#include <arpa/inet.h>
static void local(int s) {
  struct sockaddr_in6 a;
  socklen_t size = sizeof a;
  char text[100];
  R(getsockname(s, (void *)&a, &size));
  printf("%s, port %d\n", inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text), a.sin6_port != 0);
}
int main(void) {
  struct sockaddr none = {.sa_family = AF_UNSPEC};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int s = socket(AF_INET6, SOCK_DGRAM, 0);
  for (int i = 0; i < 2; i++) {
    R(connect(s, (void *)&six, sizeof six));
    local(s);
    R(connect(s, &none, sizeof none));
    local(s);
    R(connect(s, (void *)&four, sizeof four));
    local(s);
    R(connect(s, &none, sizeof none));
    local(s);
  }
  close(s);
  // What was bound stays.
  s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, now;
  socklen_t size = sizeof now;
  R(bind(s, (void *)&own, sizeof own));
  R(connect(s, (void *)&four, sizeof four));
  R(connect(s, &none, sizeof none));
  R(getsockname(s, (void *)&now, &size));
  printf("%s\n", inet_ntoa(now.sin_addr));
  return done();
}
