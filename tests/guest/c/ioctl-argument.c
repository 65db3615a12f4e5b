// The argument of ioctl as an integer: the lower half counts, whatever stands above it; as an address it is refused.
#include "t.h"
#include <pty.h>

int main(void) {
  int m = posix_openpt(O_RDWR | O_NOCTTY), size = 0;
  OK(m >= 0 && grantpt(m) == 0 && unlockpt(m) == 0);
  int s = (int)syscall(SYS_ioctl, m, TIOCGPTPEER, 0xffffffff00000000ul | O_RDWR | O_NOCTTY);
  printf("opened %d mode %d\n", s >= 0, fcntl(s, F_GETFL) & O_ACCMODE);
  R(syscall(SYS_ioctl, m, TIOCGWINSZ, -1l));
  R(syscall(SYS_ioctl, m, FIONREAD, 0xffffffff00000000ul | (unsigned)(unsigned long)&size));
  return done();
}
