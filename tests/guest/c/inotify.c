// inotify: creation, deletion, modification, renames with cookies, attributes, opens and closes, self deletion, masks, errors.
#include "t.h"
#include <sys/inotify.h>
static int in;
static void drain(const char *what) {
  char b[8192] __attribute__((aligned(8)));
  printf("%s:", what);
  ssize_t n;
  while ((n = read(in, b, sizeof b)) > 0)
    for (char *p = b; p < b + n;) {
      struct inotify_event *e = (void *)p;
      printf(" [%d %x%s%s%s]", e->wd, e->mask, e->len ? " " : "", e->len ? e->name : "", e->cookie ? " cookie" : "");
      p += sizeof *e + e->len;
    }
  printf("\n");
}
int main(void) {
  mkdir("d", 0755);
  mkdir("e", 0755);
  in = inotify_init1(IN_NONBLOCK);
  OK(in >= 0);
  R(inotify_init1(0x5));
  R(inotify_add_watch(in, "d", IN_ALL_EVENTS));
  R(inotify_add_watch(in, "none", IN_ALL_EVENTS));
  R(inotify_add_watch(in, "d", 0));
  R(inotify_add_watch(99, "d", IN_CREATE));
  R(inotify_add_watch(0, "d", IN_CREATE));
  drain("nothing");
  int f = open("d/f", O_CREAT | O_RDWR, 0644);
  drain("create");
  write(f, "x", 1);
  drain("write");
  char c;
  pread(f, &c, 1, 0);
  drain("read");
  ftruncate(f, 0);
  drain("truncate");
  fchmod(f, 0600);
  drain("chmod");
  close(f);
  drain("close");
  close(open("d/f", O_RDONLY));
  drain("open and close");
  mkdir("d/sub", 0755);
  drain("mkdir");
  rename("d/f", "d/g");
  drain("rename within");
  rename("d/g", "e/g");
  drain("rename out");
  rename("e/g", "d/h");
  drain("rename in");
  link("d/h", "d/l");
  drain("link");
  unlink("d/l");
  drain("unlink");
  symlink("h", "d/s");
  drain("symlink");
  rmdir("d/sub");
  drain("rmdir");
  R(inotify_add_watch(in, "d/h", IN_DELETE_SELF | IN_ATTRIB | IN_MODIFY));
  unlink("d/h");
  drain("deleted watched file");
  R(inotify_rm_watch(in, 2));
  R(inotify_rm_watch(in, 1));
  drain("removed watch");
  R(inotify_add_watch(in, "e", IN_CREATE | IN_ONESHOT));
  close(open("e/1", O_CREAT | O_RDWR, 0644));
  close(open("e/2", O_CREAT | O_RDWR, 0644));
  drain("oneshot");
  R(inotify_add_watch(in, "e/1", IN_ONLYDIR | IN_CREATE));
  int w = inotify_add_watch(in, "e", IN_CREATE);
  R(w == inotify_add_watch(in, "e", IN_DELETE | IN_MASK_ADD));
  unlink("e/2");
  close(open("e/3", O_CREAT | O_RDWR, 0644));
  drain("mask added");
  struct pollfd p = {in, POLLIN, 0};
  R(poll(&p, 1, 0));
  close(open("e/4", O_CREAT | O_RDWR, 0644));
  R(poll(&p, 1, 1000));
  int n;
  R(ioctl(in, FIONREAD, &n) || n <= 0);
  R(read(in, &c, 1));
  return done();
}
