// Urgent data of TCP (the mark, SIGURG, POLLPRI, SO_OOBINLINE) and bytes held back by TCP_CORK and MSG_MORE.
#include "t.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#define SIOCATMARK_ 0x8905

static int c, s;
static volatile sig_atomic_t urgs;
static void onUrg(int n) { urgs += n == SIGURG; }

static void pair(void) {
  int l = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  OK(bind(l, (void *)&a, n) == 0 && listen(l, 1) == 0 && getsockname(l, (void *)&a, &n) == 0);
  c = socket(AF_INET, SOCK_STREAM, 0);
  OK(connect(c, (void *)&a, n) == 0);
  s = accept(l, NULL, NULL);
  close(l);
}
static void end(void) { close(c); close(s); }
// Waits until `bytes` bytes, urgent ones too, can be seen; then tells what polling and the mark say.
static void state(const char *what, int wanted) {
  struct pollfd p = {s, wanted, 0};
  poll(&p, 1, 2000);
  p.events = POLLIN | POLLPRI;
  poll(&p, 1, 0);
  int mark = -1, input = -1;
  OK(ioctl(s, SIOCATMARK_, &mark) == 0 && ioctl(s, FIONREAD, &input) == 0);
  printf("%s: polls %x mark %d input %d\n", what, p.revents, mark, input);
}
static void get(const char *what, int flags) {
  char b[32] = {};
  long n = recv(s, b, sizeof b - 1, flags | MSG_DONTWAIT);
  if (n < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: %ld \"%s\"\n", what, n, b);
}

static void apart(void) {
  pair();
  signal(SIGURG, onUrg);
  R(fcntl(s, F_SETOWN, getpid()));
  get("none", MSG_OOB);
  R(send(c, "abcX", 4, MSG_OOB));
  state("sent", POLLPRI);
  printf("signals %d\n", (int)urgs);
  R(send(c, "def", 3, 0));
  get("peek", MSG_OOB | MSG_PEEK);
  get("urgent", MSG_OOB);
  get("again", MSG_OOB);
  get("before", MSG_PEEK);
  get("before", 0);
  state("at mark", POLLIN);
  get("peek after", MSG_PEEK);
  get("after", 0);
  state("after", 0);
  get("late", MSG_OOB);
  // A second urgent byte makes the first an ordinary one.
  R(send(c, "12", 2, MSG_OOB));
  state("second", POLLPRI);
  R(send(c, "34", 2, MSG_OOB));
  state("second", POLLPRI);
  get("newest", MSG_OOB);
  get("all before", 0);
  get("nothing", 0);
  // At the mark a read passes the byte by.
  R(send(c, "Z", 1, MSG_OOB));
  state("only", POLLPRI);
  get("only", 0);
  get("lost", MSG_OOB);
  printf("signals %d\n", (int)urgs);
  R(ioctl(s, SIOCATMARK_, (void *)1));
  end();
}

static void inlined(void) {
  int one = 1;
  pair();
  R(setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
  R(send(c, "abX", 3, MSG_OOB));
  R(send(c, "cd", 2, 0));
  state("inline", POLLPRI);
  get("urgent", MSG_OOB);
  get("to mark", 0);
  state("mark", 0);
  get("with it", 0);
  state("end", 0);
  char b[8];
  R(send(c, "hello", 5, MSG_OOB));
  shutdown(c, SHUT_WR);
  state("end of stream", POLLIN);
  R(recv(s, b, 8, MSG_WAITALL));
  R(recv(s, b, 8, MSG_WAITALL));
  R(recv(s, b, 8, MSG_WAITALL));
  end();
}

static void held(void) {
  int one = 1, zero = 0;
  pair();
  R(send(c, "a", 1, MSG_MORE));
  get("held", 0);
  R(send(c, "b", 1, 0));
  state("all", POLLIN);
  get("all", 0);
  R(setsockopt(c, IPPROTO_TCP, TCP_CORK, &one, sizeof one));
  R(write(c, "cork", 4));
  get("corked", 0);
  R(setsockopt(c, IPPROTO_TCP, TCP_CORK, &zero, sizeof zero));
  state("uncorked", POLLIN);
  get("uncorked", 0);
  R(send(c, "nodelay", 7, MSG_MORE));
  R(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
  state("pushed", POLLIN);
  get("pushed", 0);
  // Nobody says that there is no more: it comes in the end.
  R(send(c, "late", 4, MSG_MORE));
  get("early", 0);
  struct pollfd p = {s, POLLIN, 0};
  R(poll(&p, 1, 5000));
  get("late", 0);
  R(send(c, "last", 4, MSG_MORE));
  close(c);
  state("closed", POLLIN);
  get("closed", 0);
  get("end", 0);
  close(s);
}

// A connection that its other end resets by SO_LINGER: what came before can be read, but there is no peer.
static void reset(void) {
  struct linger none = {1, 0};
  struct sockaddr_in a;
  socklen_t n = sizeof a;
  pair();
  R(setsockopt(c, SOL_SOCKET, SO_LINGER, &none, sizeof none));
  R(send(c, "data", 4, 0));
  close(c);
  struct pollfd p = {s, POLLIN, 0};
  poll(&p, 1, 2000);
  R(getpeername(s, (void *)&a, &n));
  get("before", 0);
  get("reset", 0);
  get("end", 0);
  close(s);
}

int main(void) {
  reset();
  apart();
  inlined();
  held();
  return done();
}
