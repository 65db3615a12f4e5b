// Pseudo-terminals: echo, canonical editing, signals from keys, raw mode, window size, controlling terminal, hang-up, packet of flow.
#include "t.h"
#include <poll.h>
#include <termios.h>
static volatile int got;
static void handler(int s) { got = s; }
static void showBytes(const char *what, int fd) {
  char b[300];
  ssize_t n = read(fd, b, sizeof b);
  printf("%s: %zd \"", what, n);
  for (int i = 0; i < n; i++) printf(b[i] < 32 || b[i] == 127 ? "\\x%02x" : "%c", b[i]);
  printf("\"\n");
}
int main(void) {
  int m = posix_openpt(O_RDWR | O_NOCTTY);
  OK(m >= 0);
  R(grantpt(m));
  R(unlockpt(m));
  char name[100];
  R(ptsname_r(m, name, sizeof name));
  printf("name under /dev/pts %d\n", !strncmp(name, "/dev/pts/", 9));
  int s = open(name, O_RDWR | O_NOCTTY);
  OK(s >= 0);
  R(isatty(m));
  R(isatty(s));
  struct termios t;
  R(tcgetattr(s, &t));
  printf("iflag %x oflag %x cflag %x lflag %x\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
  printf("intr %d eof %d erase %d kill %d susp %d min %d time %d\n", t.c_cc[VINTR], t.c_cc[VEOF], t.c_cc[VERASE], t.c_cc[VKILL], t.c_cc[VSUSP], t.c_cc[VMIN], t.c_cc[VTIME]);
  R(write(m, "abc\177d\n", 6));
  showBytes("slave", s);
  showBytes("echo", m);
  R(write(s, "one\ntwo", 7));
  showBytes("output", m);
  write(m, "wipe\025kept\n", 10);
  showBytes("after kill", s);
  showBytes("echo", m);
  write(m, "two words\027x\n", 12);
  showBytes("after werase", s);
  showBytes("echo", m);
  write(m, "part\004", 5);
  showBytes("EOF ends a part", s);
  write(m, "\004", 1);
  showBytes("EOF alone", s);
  showBytes("echo", m);
  write(m, "l1\nl2\n", 6);
  showBytes("first line", s);
  showBytes("second line", s);
  showBytes("echo", m);
  write(m, "\026\003\n", 3);
  showBytes("quoted ^C", s);
  showBytes("echo", m);
  write(m, "cr\r", 3);
  showBytes("CR becomes NL", s);
  showBytes("echo", m);
  fcntl(s, F_SETFL, O_NONBLOCK);
  char b[300];
  write(m, "unfinished", 10);
  R(read(s, b, 10));
  write(m, "\n", 1);
  R(read(s, b, 5));
  R(read(s, b, 300));
  fcntl(s, F_SETFL, 0);
  // Its echo may come in two pieces.
  for (ssize_t k = read(m, b, 300); k > 0 && b[k - 1] != '\n'; k = read(m, b, 300)) continue;
  // No echo, no canonical mode.
  t.c_lflag &= ~(ECHO | ICANON);
  t.c_cc[VMIN] = 1;
  t.c_cc[VTIME] = 0;
  R(tcsetattr(s, TCSANOW, &t));
  write(m, "x\177\004", 3);
  showBytes("raw-ish", s);
  int n;
  write(m, "1234", 4);
  // On Linux a worker moves the bytes over: wait until they have arrived.
  struct pollfd arrived = {s, POLLIN, 0};
  poll(&arrived, 1, 5000);
  ioctl(s, FIONREAD, &n);
  printf("FIONREAD %d\n", n);
  R(tcflush(s, TCIFLUSH));
  ioctl(s, FIONREAD, &n);
  printf("flushed %d\n", n);
  t.c_cc[VMIN] = 0;
  t.c_cc[VTIME] = 1;
  tcsetattr(s, TCSANOW, &t);
  R(read(s, b, 10));
  t.c_cc[VMIN] = 3;
  t.c_cc[VTIME] = 0;
  tcsetattr(s, TCSANOW, &t);
  pid_t c = fork();
  if (c == 0) { write(m, "a", 1); sleepMs(20); write(m, "bc", 2); _exit(0); }
  R(read(s, b, 10));
  reap("MIN 3", c);
  cfmakeraw(&t);
  R(tcsetattr(s, TCSADRAIN, &t));
  write(s, "a\nb", 3);
  showBytes("raw output", m);
  struct winsize w = {30, 100, 1, 2}, w2;
  R(ioctl(m, TIOCSWINSZ, &w));
  R(ioctl(s, TIOCGWINSZ, &w2));
  printf("%d x %d\n", w2.ws_row, w2.ws_col);
  R(ioctl(0x7fff, TIOCGWINSZ, &w2));
  int file = open("plain", O_CREAT | O_RDWR, 0600);
  R(ioctl(file, TCGETS, &t));
  // A session with this as its controlling terminal: keys make signals, the window size sends SIGWINCH, background reads stop.
  c = fork();
  if (c == 0) {
    setsid();
    close(s);
    s = open(name, O_RDWR);
    R(tcgetpgrp(s) == getpgrp());
    R(tcgetsid(s) == getsid(0));
    int tty = open("/dev/tty", O_RDWR);
    S(tty);
    tcgetattr(s, &t);
    t.c_lflag |= ISIG | ICANON;
    t.c_iflag |= BRKINT;
    t.c_cc[VINTR] = 3;
    t.c_cc[VSUSP] = 26;
    t.c_cc[VQUIT] = 28;
    tcsetattr(s, TCSANOW, &t);
    int keys[] = {3, 28}, sigs[] = {SIGINT, SIGQUIT};
    for (int i = 0; i < 2; i++) {
      signal(sigs[i], handler);
      got = 0;
      char k = (char)keys[i];
      write(m, &k, 1);
      for (int w3 = 0; w3 < 500 && !got; w3++) sleepMs(1);
      printf("key %d gave SIG%s\n", keys[i], got ? sigabbrev_np(got) : "-");
    }
    signal(SIGWINCH, handler);
    got = 0;
    w.ws_col = 111;
    ioctl(m, TIOCSWINSZ, &w);
    for (int w3 = 0; w3 < 500 && !got; w3++) sleepMs(1);
    printf("SIGWINCH %d\n", got == SIGWINCH);
    // A background group that reads is stopped by SIGTTIN; tcsetpgrp brings it to the front.
    pid_t k = fork();
    if (k == 0) { setpgid(0, 0); char z[10]; ssize_t r = read(s, z, 10); _exit(r == 3 ? 21 : 22); }
    setpgid(k, k);
    int st;
    waitpid(k, &st, WUNTRACED);
    printf("background read stopped by SIG%s\n", WIFSTOPPED(st) ? sigabbrev_np(WSTOPSIG(st)) : "-");
    R(tcsetpgrp(s, k));
    kill(-k, SIGCONT);
    write(m, "hi\n", 3);
    reap("foreground", k);
    signal(SIGTTOU, SIG_IGN);
    R(tcsetpgrp(s, getpgrp()));
    k = fork();
    if (k == 0) { setpgid(0, 0); signal(SIGTTOU, SIG_DFL); tcsetattr(s, TCSANOW, &t); _exit(30); }
    setpgid(k, k);
    waitpid(k, &st, WUNTRACED);
    printf("background tcsetattr stopped by SIG%s\n", WIFSTOPPED(st) ? sigabbrev_np(WSTOPSIG(st)) : "-");
    kill(k, SIGKILL);
    waitpid(k, &st, 0);
    // The master closes: SIGHUP for us.
    signal(SIGHUP, handler);
    got = 0;
    R(tcsetpgrp(s, 0x7fffff));
    write(1, "ready\n", 6);
    _exit(0);
  }
  reap("session leader", c);
  // The leader's exit hangs up; the slave of a closed master gives EOF and EIO.
  close(m);
  R(read(s, b, 10));
  R(write(s, "x", 1));
  m = posix_openpt(O_RDWR | O_NOCTTY);
  unlockpt(m);
  ptsname_r(m, name, sizeof name);
  s = open(name, O_RDWR | O_NOCTTY);
  write(s, "last words", 10);
  // The termio of System V: low halves and eight control characters.
  struct { unsigned short i, o, c, l; unsigned char line, cc[8]; } old;
  R(ioctl(s, TCGETA, &old));
  R(tcgetattr(s, &t));
  printf("low halves %d %d\n", old.i == (t.c_iflag & 0xffff) && old.l == (t.c_lflag & 0xffff), memcmp(old.cc, t.c_cc, 8));
  old.l &= ~ECHO;
  old.cc[VINTR] = 'x';
  R(ioctl(s, TCSETA, &old));
  R(ioctl(s, TCSETAW, &old));
  tcgetattr(s, &t);
  printf("echo %d, intr %c, start %d\n", (t.c_lflag & ECHO) != 0, t.c_cc[VINTR], t.c_cc[VSTART]);
  int exclusive = 7;
  R(ioctl(s, TIOCGEXCL, &exclusive));
  R(exclusive);
  close(s);
  showBytes("after slave closed", m);
  R(read(m, b, 10));
  return done();
}
