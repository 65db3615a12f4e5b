// guest: needs=root
// name_to_handle_at and open_by_handle_at on tmpfs (/dev/shm): round trip, sizes, stale handles, privileges.
#include "t.h"
int main(void) {
  int mount = 0, mount2 = 0, dir;
  struct { struct file_handle h; unsigned char room[120]; } a = {0}, b = {0};
  char where[] = "/dev/shm/handlesXXXXXX";
  OK(mkdtemp(where) != NULL);
  chdir(where);
  mkdir("d", 0700);
  int f = open("d/f", O_CREAT | O_RDWR, 0600);
  write(f, "hello", 5);
  symlink("d/f", "link");
  dir = open(".", O_RDONLY);
  R(name_to_handle_at(dir, "d/f", &a.h, &mount, 0));
  OK(a.h.handle_bytes > 0 && a.h.handle_bytes <= 120);
  R(name_to_handle_at(dir, "d/f", &a.h, &mount, 0));
  R(name_to_handle_at(AT_FDCWD, "none", &a.h, &mount, 0));
  R(name_to_handle_at(99, "d/f", &a.h, &mount, 0));
  R(name_to_handle_at(f, "d/f", &a.h, &mount, 0));
  R(name_to_handle_at(dir, "d/f", (void *)8, &mount, 0));
  R(name_to_handle_at(dir, "d/f", &a.h, (void *)8, 0));
  R(name_to_handle_at(dir, "d/f", &a.h, &mount, 0x8000));
  R(name_to_handle_at(dir, "", &a.h, &mount, 0));
  b.h.handle_bytes = 129;
  R(name_to_handle_at(dir, "d/f", &b.h, &mount, 0));
  b.h.handle_bytes = 120;
  R(name_to_handle_at(f, "", &b.h, &mount2, AT_EMPTY_PATH));
  OK(mount == mount2 && a.h.handle_bytes == b.h.handle_bytes && !memcmp(a.h.f_handle, b.h.f_handle, a.h.handle_bytes));
  char text[6] = "";
  int g = S(open_by_handle_at(dir, &a.h, O_RDONLY)) < 0 ? -1 : open_by_handle_at(dir, &a.h, O_RDONLY);
  R(read(g, text, 5));
  puts(text);
  rename("d/f", "moved");
  S(open_by_handle_at(dir, &a.h, O_RDWR));
  R(open_by_handle_at(99, &a.h, O_RDONLY));
  R(open_by_handle_at(dir, (void *)8, O_RDONLY));
  b.h.handle_bytes = 120;
  name_to_handle_at(dir, "link", &b.h, &mount, 0);
  R(open_by_handle_at(dir, &b.h, O_RDONLY));
  S(open_by_handle_at(dir, &b.h, O_PATH));
  b.h.handle_bytes = 0;
  R(open_by_handle_at(dir, &b.h, O_RDONLY));
  b.h.handle_bytes = 129;
  R(open_by_handle_at(dir, &b.h, O_RDONLY));
  close(f);
  close(g);
  b = a;
  int other = open("/proc", O_RDONLY);
  R(open_by_handle_at(other, &a.h, O_RDONLY));
  unlink("moved");
  unlink("link");
  rmdir("d");
  chdir("/");
  rmdir(where);
  setuid(1);
  R(open_by_handle_at(dir, &a.h, O_RDONLY));
  return failures;
}
