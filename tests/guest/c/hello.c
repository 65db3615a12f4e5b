// Output by write and stdio, arguments, environment, exit status by return.
#include "t.h"
int main(int argc, char **argv) {
  R(write(1, "raw\n", 4));
  R(write(1, "", 0));
  R(write(99, "x", 1));
  R(write(1, (void *)1, 1));
  printf("argc %d argv1 %s\n", argc, argc > 1 ? argv[1] : "(none)");
  printf("GREETING %s\n", getenv("GREETING") ? getenv("GREETING") : "(unset)");
  struct iovec v[3] = {{"a", 1}, {"", 0}, {"bc\n", 3}};
  R(writev(1, v, 3));
  R(writev(1, v, -1));
  R(writev(1, v, 1025));
  R(writev(1, v, 0));
  struct iovec bad[2] = {{"ok\n", 3}, {(void *)1, 5}};
  int file = open("file", O_RDWR | O_CREAT, 0644);
  R(writev(file, bad, 2));
  return done();
}
