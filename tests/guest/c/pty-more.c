// Pseudo-terminals, the rest: packet mode, line modes and their timers, flushing, hang-up, background access, odd ioctls.
#include "t.h"
#include <poll.h>
#include <termios.h>
#include <sys/ioctl.h>
static volatile int got[70];
static void handler(int s) { got[s]++; }
static int m, s;
static char name[64];
static void open2(int noctty) {
  m = posix_openpt(O_RDWR | O_NOCTTY);
  unlockpt(m);
  ptsname_r(m, name, sizeof name);
  s = open(name, O_RDWR | (noctty ? O_NOCTTY : 0));
  OK(m >= 0 && s >= 0);
}
static void waitFor(int fd, int events) {
  struct pollfd p = {fd, events, 0};
  poll(&p, 1, 2000);
}
static void showBytes(const char *what, int fd) {
  char b[300];
  ssize_t n = read(fd, b, sizeof b);
  printf("%s: %zd %s \"", what, n, n < 0 ? strerrorname_np(errno) : "");
  for (int i = 0; i < n; i++) printf(b[i] < 32 || b[i] == 127 ? "\\x%02x" : "%c", b[i]);
  printf("\"\n");
}
// An echo may come in several pieces: shows what comes up to this byte.
static void showEcho(int fd, char last) {
  char byte = 0;
  printf("echo: \"");
  for (waitFor(fd, POLLIN); byte != last && read(fd, &byte, 1) == 1; waitFor(fd, POLLIN)) {
    printf(byte < 32 ? "\\x%02x" : "%c", byte);
    if (byte == last) break;
  }
  printf("\"\n");
}
static int pollOf(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  poll(&p, 1, 0);
  return p.revents;
}
static void packets(void) {
  open2(1);
  fcntl(m, F_SETFL, O_NONBLOCK);
  int on = 1, v = 7;
  R(ioctl(m, TIOCPKT, &on));
  R(ioctl(m, TIOCGPKT, &v));
  R(v);
  R(ioctl(s, TIOCPKT, &on));
  R(ioctl(s, TIOCGPKT, &on));
  write(s, "data", 4);
  waitFor(m, POLLIN);
  showBytes("packet data", m);
  R(tcflush(s, TCIFLUSH));
  R(pollOf(m));
  showBytes("flushread", m);
  R(tcflush(s, TCOFLUSH));
  showBytes("flushwrite", m);
  R(tcflush(s, TCIOFLUSH));
  showBytes("both", m);
  R(tcflow(s, TCOOFF));
  R(pollOf(m));
  showBytes("stop", m);
  R(tcflow(s, TCOON));
  showBytes("start", m);
  struct termios t;
  tcgetattr(s, &t);
  t.c_iflag &= ~IXON;
  R(tcsetattr(s, TCSANOW, &t));
  showBytes("nostop", m);
  t.c_iflag |= IXON;
  R(tcsetattr(s, TCSANOW, &t));
  showBytes("dostop", m);
  t.c_lflag |= EXTPROC;
  R(tcsetattr(s, TCSANOW, &t));
  showBytes("extproc", m);
  tcgetattr(s, &t);
  R((t.c_lflag & EXTPROC) != 0);
  t.c_lflag &= ~EXTPROC;
  R(tcsetattr(s, TCSANOW, &t));
  showBytes("no extproc", m);
  showBytes("none", m);
  char one;
  write(s, "xyz", 3);
  waitFor(m, POLLIN);
  R(read(m, &one, 1));
  R(one);
  on = 0;
  R(ioctl(m, TIOCPKT, &on));
  showBytes("off", m);
  close(m);
  close(s);
}
static void modes(void) {
  open2(1);
  struct termios t;
  char b[100];
  int n;
  tcgetattr(s, &t);
  // Odd ioctls.
  R(ioctl(s, TIOCMGET, &n));
  R(ioctl(s, TIOCGSERIAL, b));
  R(ioctl(s, 0x4B33 /* KDGKBTYPE */, b));
  R(ioctl(s, TIOCGSOFTCAR, &n));
  R(n);
  R(ioctl(s, TIOCGETD, &n));
  R(n);
  n = 99;
  R(ioctl(s, TIOCSETD, &n));
  R(ioctl(s, TCSBRK, 0));
  R(ioctl(s, TCSBRK, 1));
  R(ioctl(s, TCSBRKP, 0));
  R(ioctl(s, TIOCSBRK, 0));
  R(ioctl(s, TIOCCBRK, 0));
  R(ioctl(s, TCFLSH, 9));
  R(ioctl(s, TCXONC, 9));
  R(ioctl(s, TIOCGPGRP, &n));
  R(ioctl(m, TIOCGPGRP, &n));
  R(n);
  R(ioctl(s, TIOCGSID, &n));
  R(ioctl(m, TIOCGSID, &n));
  R(ioctl(s, TIOCNOTTY));
  R(ioctl(s, TIOCSPGRP, &n));
  R(ioctl(s, TIOCGPTN, &n));
  R(ioctl(s, TIOCSPTLCK, &n));
  R(ioctl(m, TIOCGPTLCK, &n));
  R(n);
  R(ioctl(s, TIOCGDEV, &n) == 0 && n != 0);
  R(ioctl(s, TIOCOUTQ, &n));
  R(n);
  R(lseek(s, 0, SEEK_SET));
  R(pread(s, b, 1, 0));
  R(ftruncate(s, 0));
  R(fsync(s));
  R(tcsetattr(s, 99, &t));
  R(cfgetospeed(&t));
  R(t.c_cflag);
  t.c_cflag = (t.c_cflag & ~(CSIZE | PARENB)) | CS5 | PARENB;
  R(tcsetattr(s, TCSANOW, &t));
  tcgetattr(s, &t);
  R(t.c_cflag);
  cfsetspeed(&t, B9600);
  tcsetattr(s, TCSANOW, &t);
  tcgetattr(s, &t);
  R(cfgetospeed(&t));
  tcgetattr(m, &t);
  R(cfgetospeed(&t));
  // Case mapping, parity marks.
  tcgetattr(s, &t);
  t.c_iflag |= IUCLC;
  t.c_oflag |= OLCUC;
  tcsetattr(s, TCSANOW, &t);
  write(m, "ABC\n", 4);
  showBytes("iuclc", s);
  showBytes("olcuc", m);
  t.c_iflag &= ~IUCLC;
  t.c_oflag &= ~OLCUC;
  t.c_iflag |= PARMRK;
  tcsetattr(s, TCSANOW, &t);
  write(m, "\xff\n", 2);
  showBytes("parmrk", s);
  t.c_iflag &= ~PARMRK;
  t.c_lflag |= ECHOPRT;
  tcsetattr(s, TCSANOW, &t);
  read(m, b, sizeof b);
  write(m, "ab\177\177c\n", 6);
  showBytes("echoprt", s);
  showBytes("echo", m);
  t.c_lflag &= ~(ECHOPRT | ECHO);
  t.c_lflag |= ECHONL;
  tcsetattr(s, TCSANOW, &t);
  write(m, "secret\n", 7);
  showBytes("echonl", s);
  showBytes("echo", m);
  // A newline that ends no line is echoed as any control character: behind VLNEXT, and without lines.
  t.c_lflag |= ECHO | ECHOCTL | IEXTEN;
  tcsetattr(s, TCSANOW, &t);
  write(m, "\026\nx\n", 4);
  showEcho(m, '\n');
  showBytes("literal", s);
  t.c_lflag &= ~ICANON;
  tcsetattr(s, TCSANOW, &t);
  write(m, "a\n\tz", 4);
  showEcho(m, 'z');
  showBytes("without lines", s);
  t.c_lflag &= ~(ECHO | ECHONL);
  t.c_lflag |= ICANON;
  tcsetattr(s, TCSANOW, &t);
  // Readiness in canonical mode.
  R(pollOf(s));
  R(pollOf(m));
  write(m, "part", 4);
  R(pollOf(s));
  write(m, "\n", 1);
  waitFor(s, POLLIN);
  R(pollOf(s));
  n = -1;
  ioctl(s, FIONREAD, &n);
  R(n);
  showBytes("line", s);
  // A canonical reader with a small buffer, then the rest.
  write(m, "123456\n", 7);
  R(read(s, b, 3));
  R(read(s, b, 100));
  // VEOL.
  t.c_cc[VEOL] = ';';
  tcsetattr(s, TCSANOW, &t);
  write(m, "a;b\n", 4);
  showBytes("veol", s);
  showBytes("rest", s);
  // Raw with VMIN > 1 and VTIME: the timer runs between bytes.
  cfmakeraw(&t);
  t.c_cc[VMIN] = 5;
  t.c_cc[VTIME] = 1;
  tcsetattr(s, TCSAFLUSH, &t);
  write(m, "ab", 2);
  showBytes("intercharacter timer", s);
  t.c_cc[VMIN] = 2;
  t.c_cc[VTIME] = 0;
  tcsetattr(s, TCSANOW, &t);
  write(m, "x", 1);
  R(pollOf(s) & POLLIN);
  fcntl(s, F_SETFL, O_NONBLOCK);
  R(read(s, b, 10));
  R(read(s, b, 10));
  fcntl(s, F_SETFL, 0);
  t.c_cc[VMIN] = 0;
  t.c_cc[VTIME] = 0;
  tcsetattr(s, TCSANOW, &t);
  R(read(s, b, 10));
  t.c_cc[VMIN] = 1;
  tcsetattr(s, TCSANOW, &t);
  // Larger than a page at once.
  static char big[10000];
  memset(big, 'q', sizeof big);
  fcntl(m, F_SETFL, O_NONBLOCK);
  ssize_t put = 0, w;
  while (put < 4000 && (w = write(m, big, 500)) > 0) put += w;
  ssize_t took = 0;
  while (took < put) { w = read(s, big, sizeof big); if (w <= 0) break; took += w; }
  printf("moved all %d\n", took == put);
  put = 0;
  // On Linux a worker makes room again until the reader's buffer is full, too.
  struct pollfd room = {m, POLLOUT, 0};
  do while ((w = write(m, big, sizeof big)) > 0 && put < 1000000) put += w;
  while (put < 1000000 && poll(&room, 1, 50) == 1);
  printf("full: %zd %s\n", w, strerrorname_np(errno));
  R(pollOf(m) & POLLOUT);
  tcflush(s, TCIFLUSH);
  waitFor(m, POLLOUT);
  R(pollOf(m) & POLLOUT);
  close(m);
  R(pollOf(s));
  showBytes("hung up", s);
  R(write(s, "x", 1));
  R(tcgetattr(s, &t));
  R(ioctl(s, FIONREAD, &n));
  R(isatty(s));
  R(open(name, O_RDWR));
  close(s);
}
static void slaveGone(void) {
  open2(1);
  fcntl(m, F_SETFL, O_NONBLOCK);
  R(pollOf(m));
  write(s, "bye", 3);
  close(s);
  waitFor(m, POLLIN);
  R(pollOf(m));
  showBytes("rest", m);
  R(pollOf(m));
  showBytes("nobody", m);
  R(write(m, "abc\n", 4));
  s = open(name, O_RDWR | O_NOCTTY);
  R(pollOf(m) & POLLHUP);
  showBytes("kept for the next", s);
  int peer = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  S(peer);
  R(isatty(peer));
  int on = 1;
  R(ioctl(s, TIOCEXCL));
  S(open(name, O_RDWR | O_NOCTTY));
  R(ioctl(s, TIOCNXCL));
  ioctl(m, TIOCSPTLCK, &on);
  S(open(name, O_RDWR | O_NOCTTY));
  close(m), close(s), close(peer);
  m = posix_openpt(O_RDWR | O_NOCTTY);
  R(pollOf(m));
  fcntl(m, F_SETFL, O_NONBLOCK);
  showBytes("never opened", m);
  close(m);
}
static void expectSignal(const char *what, int sig) {
  for (int i = 0; i < 1000 && !got[sig]; i++) sleepMs(1);
  printf("%s: SIG%s %d\n", what, sigabbrev_np(sig), got[sig]);
  got[sig] = 0;
}
static void sessionLeader(void) {
  setsid();
  R(open("/dev/tty", O_RDWR));
  open2(1);
  R(ioctl(s, TIOCGSID, &(int){0}));
  R(ioctl(s, TIOCSCTTY, 0));
  R(tcgetsid(s) == getpid());
  R(tcgetpgrp(s) == getpgrp());
  R(ioctl(s, TIOCSCTTY, 0));
  int sigs[] = {SIGINT, SIGQUIT, SIGTSTP, SIGHUP, SIGCONT, SIGWINCH, SIGTTOU, SIGTTIN};
  for (unsigned i = 0; i < 8; i++) signal(sigs[i], handler);
  write(m, "\003", 1);
  expectSignal("^C", SIGINT);
  write(m, "\034", 1);
  expectSignal("^\\", SIGQUIT);
  write(m, "\032", 1);
  expectSignal("^Z", SIGTSTP);
  R(ioctl(m, TIOCSIG, SIGINT));
  expectSignal("TIOCSIG", SIGINT);
  R(ioctl(m, TIOCSIG, 0));
  R(ioctl(m, TIOCSIG, 99));
  struct winsize z = {10, 20, 0, 0};
  R(ioctl(s, TIOCSWINSZ, &z));
  expectSignal("size", SIGWINCH);
  R(ioctl(m, TIOCSWINSZ, &z));
  printf("same size: %d\n", got[SIGWINCH]);
  z.ws_xpixel = 5;
  R(ioctl(m, TIOCSWINSZ, &z));
  expectSignal("pixels", SIGWINCH);
  // Background.
  signal(SIGTTIN, SIG_DFL);
  signal(SIGTTOU, SIG_DFL);
  int st;
  pid_t k = fork();
  if (k == 0) { setpgid(0, 0); write(s, "free", 4); struct termios t; tcgetattr(s, &t); t.c_lflag |= TOSTOP; signal(SIGTTOU, SIG_IGN); R(tcsetattr(s, TCSANOW, &t)); signal(SIGTTOU, SIG_DFL); write(s, "stops", 5); _exit(4); }
  setpgid(k, k);
  waitpid(k, &st, WUNTRACED);
  printf("TOSTOP write %s\n", WIFSTOPPED(st) ? sigabbrev_np(WSTOPSIG(st)) : "-");
  tcsetpgrp(s, k);
  kill(k, SIGCONT);
  reap("went on", k);
  signal(SIGTTOU, SIG_IGN);
  R(tcsetpgrp(s, getpgrp()));
  k = fork();
  if (k == 0) { setpgid(0, 0); signal(SIGTTIN, SIG_IGN); char c; R(read(s, &c, 1)); signal(SIGTTIN, SIG_DFL); sigset_t b; sigemptyset(&b); sigaddset(&b, SIGTTIN); sigprocmask(SIG_BLOCK, &b, 0); R(read(s, &c, 1)); _exit(0); }
  reap("ignores SIGTTIN", k);
  int done_[2];
  OK(pipe(done_) == 0);
  k = fork();
  if (k == 0) {
    pid_t old = getpid();
    if (fork() == 0) {
      setpgid(0, 0);
      while (getppid() == old) sleepMs(1);
      signal(SIGTTIN, SIG_DFL);
      char c;
      R(read(s, &c, 1));
      write(done_[1], "x", 1);
      _exit(0);
    }
    _exit(0);
  }
  char c;
  R(read(done_[0], &c, 1));
  reap("parent of orphan", k);
  // Another session cannot take it.
  k = fork();
  if (k == 0) { setsid(); int t2 = open(name, O_RDWR); S(t2); R(tcgetsid(t2)); R(ioctl(t2, TIOCSCTTY, 0)); R(tcgetpgrp(t2)); _exit(0); }
  reap("another session", k);
  k = fork();
  if (k == 0) { R(ioctl(s, TIOCNOTTY)); R(open("/dev/tty", O_RDWR)); R(tcgetpgrp(s)); _exit(0); }
  reap("child gives up", k);
  // The parts of a hang-up.
  got[SIGHUP] = got[SIGCONT] = 0;
  k = fork();
  if (k == 0) { setpgid(0, 0); close(m); signal(SIGHUP, SIG_DFL); for (;;) pause(); }
  setpgid(k, k);
  R(tcsetpgrp(s, k));
  close(m);
  expectSignal("master closed", SIGHUP);
  expectSignal("master closed", SIGCONT);
  kill(k, SIGTERM);
  reap("foreground", k);
  R(open("/dev/tty", O_RDWR));
  showBytes("slave", s);
  _exit(0);
}
static void leaderExits(void) {
  open2(1);
  int p[2], ready[2];
  OK(pipe(p) == 0 && pipe(ready) == 0);
  pid_t leader = fork();
  if (leader == 0) {
    setsid();
    ioctl(s, TIOCSCTTY, 0);
    pid_t k = fork();
    if (k == 0) { signal(SIGHUP, handler); signal(SIGCONT, handler); write(ready[1], "r", 1); while (!got[SIGHUP]) sleepMs(1); R(write(s, "x", 1)); R(isatty(s)); R(open("/dev/tty", O_RDWR)); write(p[1], "h", 1); _exit(0); }
    char c;
    read(ready[0], &c, 1);
    _exit(0);
  }
  char c = 0;
  R(read(p[0], &c, 1));
  reap("leader", leader);
  printf("foreground group heard of it: %c\n", c);
  showBytes("master", m);
  int s2 = open(name, O_RDWR | O_NOCTTY);
  S(s2);
  R(write(s2, "x", 1));
  R(pollOf(m) & POLLHUP);
}
int main(void) {
  packets();
  modes();
  slaveGone();
  pid_t k = fork();
  if (k == 0) sessionLeader();
  reap("session leader", k);
  leaderExits();
  return done();
}
