// sendfile of all kinds of ends and of nothing; reading sockets that are shut down, what has no reading, sealed memory.
#include "t.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>

int main(void) {
  int a[2], b[2];
  OK(pipe2(a, O_NONBLOCK) == 0 && pipe2(b, O_NONBLOCK) == 0);
  R(sendfile(b[1], a[0], NULL, 100));
  R(write(a[1], "abc", 3));
  R(sendfile(b[1], a[0], NULL, 100));
  R(sendfile(b[1], a[0], NULL, 0));
  int f = open("sendfile-target", O_RDWR | O_CREAT | O_TRUNC, 0600), append = open("sendfile-target", O_WRONLY | O_APPEND);
  R(write(f, "hello", 5));
  R(lseek(f, 0, SEEK_SET));
  R(sendfile(f, a[0], NULL, 100));
  R(sendfile(f, a[0], NULL, 0));
  R(sendfile(append, f, NULL, 0));
  R(sendfile(append, f, NULL, 3));
  int ep = epoll_create1(0), ev = eventfd(0, EFD_NONBLOCK), dir = open("/dev/shm", O_RDONLY), s[2];
  R(sendfile(ev, ep, NULL, 0));
  R(sendfile(ev, ep, NULL, 1));
  R(sendfile(ev, f, NULL, 0));
  R(sendfile(f, ev, NULL, 0));
  R(sendfile(f, ev, NULL, 8));
  R(sendfile(f, dir, NULL, 0));
  R(sendfile(f, dir, NULL, 1));
  R(sendfile(b[1], dir, NULL, 1));
  OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
  R(sendfile(f, s[0], NULL, 0));
  R(sendfile(f, s[0], NULL, 5));
  R(sendfile(b[1], s[0], NULL, 5));
  R(write(s[1], "socket", 6));
  R(sendfile(b[1], s[0], NULL, 100));
  char got[32] = "";
  R(read(b[0], got, sizeof got));
  printf("%s\n", got);
  static char block[4096];
  while (write(b[1], block, sizeof block) > 0) continue;
  R(sendfile(b[1], f, NULL, 5));
  R(sendfile(b[1], a[0], NULL, 5));
  R(sendfile(b[1], f, NULL, 0));
  int m = memfd_create("sealed", MFD_ALLOW_SEALING);
  R(fcntl(m, 1033, 8)); // F_ADD_SEALS, F_SEAL_WRITE
  R(pwrite(m, "a", 0, 0));
  R(pwrite(m, "a", 1, 0));
  R(write(m, "", 0));
  void *bad = (void *)-8;
  R(read(ep, bad, 16));
  R(write(ep, bad, 16));
  R(read(dir, bad, 16));
  R(write(ev, bad, 8));
  R(read(ev, bad, 8));
  // Who waits for datagrams hears of the end, who does not is told that nothing is there.
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  char c;
  for (int type = 0; type < 3; type++) {
    for (int how = 0; how < 3; how++) {
      int u = socket(AF_UNIX, types[type] | SOCK_NONBLOCK, 0);
      shutdown(u, how);
      printf("%d %d ", type, how);
      R(read(u, &c, 1));
      close(u);
    }
  }
  int waits = socket(AF_UNIX, SOCK_DGRAM, 0);
  R(shutdown(waits, SHUT_RD));
  R(read(waits, &c, 1));
  R(recv(waits, &c, 1, 0));
  R(recv(waits, &c, 1, MSG_DONTWAIT));
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  R(connect(udp, (struct sockaddr *)&self, sizeof self));
  R(shutdown(udp, SHUT_RD));
  R(recv(udp, &c, 1, MSG_DONTWAIT));
  R(recv(udp, &c, 1, 0));
  R(read(udp, &c, 1));
  unlink("sendfile-target");
  return done();
}
