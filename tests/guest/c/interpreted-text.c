// A program that interprets others, as valgrind does: it has no interpreter of its own, maps text that other processes run often, and
// reads it where it might execute it. What it reads is what the file holds.
#include "t.h"
#include <sys/auxv.h>

static const unsigned char code[] = {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xb8, SYS_getuid, 0, 0, 0, 0x0f, 0x05, 0xc3};
typedef long (*Call)(void);

static unsigned char *mapText(int fd) {
  void *text = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  OK(text != MAP_FAILED);
  return text;
}

static int runs(int fd) {
  unsigned char *text = mapText(fd);
  long bad = 0;
  for (int i = 0; i < 400; i++) bad += ((Call)text)() != (long)getuid();
  return bad != 0;
}

static int inChild(int fd) {
  pid_t pid = fork();
  if (pid == 0) _exit(runs(fd));
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

int main(void) {
  int fd = open("text", O_RDWR | O_CREAT | O_TRUNC, 0755);
  OK(ftruncate(fd, 4096) == 0 && pwrite(fd, code, sizeof code, 0) == sizeof code);
  unsigned char *before = mapText(fd);
  OK(memcmp(before, code, sizeof code) == 0);
  R(inChild(fd));
  R(inChild(fd));
  // With an interpreter this is a program as any other, which nobody expects to read its libraries' text.
  if (getauxval(AT_BASE) == 0) {
    OK(memcmp(before, code, sizeof code) == 0);
    OK(memcmp(mapText(fd), code, sizeof code) == 0);

  }
  // It may run it after all.
  R(runs(fd));
  close(fd);
  unlink("text");
  return done();
}
