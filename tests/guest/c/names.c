// mkdir, rmdir, rename (with flags), link, symlink, readlink, unlinkat, getdents, cwd, loops, long names, dots, stat fields, statx.
#include "t.h"
#include <dirent.h>
static int cmp(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(const char *path) {
  DIR *d = opendir(path);
  char *names[5000];
  int n = 0;
  struct dirent *e;
  while (d && (e = readdir(d))) {
    names[n] = malloc(300);
    sprintf(names[n++], "%s%s", e->d_name, e->d_type == DT_DIR ? "/" : e->d_type == DT_LNK ? "@" : e->d_type == DT_REG ? "" : e->d_type == DT_FIFO ? "|" : "?");
  }
  if (d) closedir(d);
  qsort(names, n, sizeof *names, cmp);
  printf("%s:", path);
  for (int i = 0; i < n && i < 20; i++) printf(" %s", names[i]);
  printf(n > 20 ? " ... %d\n" : "\n", n);
}
static void touch(const char *p) { close(open(p, O_CREAT | O_WRONLY, 0644)); }
static void info(const char *p) {
  struct stat s;
  if (lstat(p, &s)) { printf("%s: %s\n", p, strerrorname_np(errno)); return; }
  printf("%s: mode %o nlink %d size %s\n", p, s.st_mode, S_ISDIR(s.st_mode) ? 0 : (int)s.st_nlink, S_ISDIR(s.st_mode) ? "-" : (char[20]){(char)('0' + s.st_size % 10)});
}
int main(void) {
  char b[5000];
  umask(022);
  R(mkdir("d", 0777));
  R(mkdir("d", 0777));
  R(mkdir("d/", 0777));
  R(mkdir("a/b", 0777));
  R(mkdir(".", 0777));
  R(mkdir("slash/", 0777));
  touch("d/f");
  R(rmdir("d"));
  R(rmdir("d/f"));
  R(rmdir("."));
  R(rmdir("d/."));
  R(rmdir("d/.."));
  R(rmdir("none"));
  R(rmdir("slash"));
  R(unlink("d"));
  R(unlink("none"));
  R(unlink("d/f/"));
  R(link("d/f", "hard"));
  R(link("d/f", "hard"));
  R(link("d", "dirlink"));
  R(link("none", "x"));
  info("hard");
  R(symlink("d/f", "sym"));
  R(symlink("x", "sym"));
  R(symlink("", "empty"));
  info("sym");
  R(readlink("sym", b, 5000));
  R(readlink("sym", b, 2));
  R(readlink("sym", b, 0));
  R(readlink("d", b, 10));
  R(readlink("none", b, 10));
  R(rename("hard", "renamed"));
  R(rename("none", "x"));
  R(rename("d", "d/sub"));
  R(rename("renamed", "d"));
  R(rename("d", "renamed"));
  mkdir("e", 0755);
  R(rename("e", "d"));
  R(rename("d", "e"));
  info("d");
  info("e/f");
  R(rename("e/f", "e/f"));
  R(rename("renamed", "e/f"));
  info("renamed");
  R(rename("e/.", "q"));
  R(rename("e", "."));
  touch("one");
  touch("two");
  R(renameat2(AT_FDCWD, "one", AT_FDCWD, "two", 1 /* NOREPLACE */));
  R(renameat2(AT_FDCWD, "one", AT_FDCWD, "three", 1));
  R(renameat2(AT_FDCWD, "three", AT_FDCWD, "e", 2 /* EXCHANGE */));
  info("three");
  info("e");
  R(renameat2(AT_FDCWD, "three", AT_FDCWD, "none", 2));
  R(renameat2(AT_FDCWD, "three", AT_FDCWD, "e", 3));
  R(rename("three/", "dir/"));
  R(rename("e/", "e2"));
  R(unlinkat(AT_FDCWD, "dir", 0));
  R(unlinkat(AT_FDCWD, "dir", AT_REMOVEDIR));
  R(unlinkat(AT_FDCWD, "dir", 0x4000));
  // Symbolic links in the middle, loops, chains.
  symlink("dir", "viadir");
  R(access("viadir/f", F_OK));
  R(access("viadir/../viadir/./f", F_OK));
  R(access("dir/f/..", F_OK));
  symlink("loop", "loop");
  R(access("loop", F_OK));
  R(open("loop", O_CREAT | O_RDWR, 0600));
  char prev[20] = "dir", name[20];
  for (int i = 0; i < 41; i++) { sprintf(name, "chain%d", i); symlink(prev, name); strcpy(prev, name); }
  R(access("chain39", F_OK));
  R(access("chain40", F_OK));
  R(access("chain39/f", F_OK));
  // Names: 255 bytes fit, 256 do not; paths of 4095 bytes; every byte but / and NUL.
  memset(b, 'n', 256);
  b[256] = 0;
  R(mkdir(b, 0755));
  b[255] = 0;
  R(mkdir(b, 0755));
  R(rmdir(b));
  for (int i = 0; i < 4094; i += 2) memcpy(b + i, "./", 2);
  b[4093] = 'f';
  b[4094] = 0;
  R(access(b, F_OK));
  b[4093] = '/';
  b[4094] = '.';
  b[4095] = 0;
  R(access(b, F_OK));
  b[4095] = '.';
  b[4096] = 0;
  R(access(b, F_OK));
  for (int c = 1; c < 256; c++) { if (c == '/' || c == '.') continue; char n[3] = {'_', (char)c, 0}; OK(mkdir(n, 0700) == 0); OK(rmdir(n) == 0); }
  // A large directory.
  mkdir("many", 0755);
  for (int i = 0; i < 3000; i++) { sprintf(name, "many/file%04d", i); touch(name); }
  list("many");
  int fd = open("many", O_RDONLY), total = 0;
  long n;
  while ((n = syscall(SYS_getdents64, fd, b, 1000)) > 0) for (long o = 0; o < n; o += ((struct dirent64 *)(b + o))->d_reclen) total++;
  printf("getdents in pieces %d\n", total);
  R(syscall(SYS_getdents64, fd, b, 10));
  R(lseek(fd, 0, SEEK_SET));
  R(syscall(SYS_getdents64, fd, b, 10));
  R(syscall(SYS_getdents64, fd, (void *)8, 1000));
  // Removing while reading loses nothing else.
  DIR *d = opendir("many");
  struct dirent *e;
  int removed = 0;
  while ((e = readdir(d))) if (e->d_name[0] == 'f') { sprintf(b, "many/%s", e->d_name); OK(unlink(b) == 0); removed++; }
  closedir(d);
  printf("removed %d\n", removed);
  R(rmdir("many"));
  R(syscall(SYS_getdents64, fd, b, 1000));
  close(fd);
  // cwd.
  mkdir("w", 0755);
  R(chdir("w"));
  R(chdir("none"));
  R(chdir("../sym"));
  getcwd(b, sizeof b);
  printf("cwd ends %d\n", !strcmp(b + strlen(b) - 2, "/w"));
  R(rmdir("../w"));
  R(getcwd(b, sizeof b) == NULL ? -1 : 0);
  R(open("x", O_CREAT | O_RDWR, 0644));
  R(chdir(".."));
  R(syscall(SYS_getcwd, b, 1));
  fd = open("dir", O_RDONLY);
  R(fchdir(fd));
  R(access("f", F_OK));
  R(chdir(".."));
  struct stat s1, s2;
  stat("/", &s1);
  stat("/..", &s2);
  printf("/.. is / %d\n", s1.st_ino == s2.st_ino && s1.st_dev == s2.st_dev);
  list(".");
  // mknod, statx.
  R(mknod("fifo", S_IFIFO | 0644, 0));
  info("fifo");
  R(mknod("reg", S_IFREG | 0600, 0));
  info("reg");
  struct statx x;
  R(statx(AT_FDCWD, "dir/f", 0, STATX_BASIC_STATS | STATX_BTIME, &x));
  printf("statx mode %o size %llu nlink %u mask %d\n", x.stx_mode, x.stx_size, x.stx_nlink, (x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
  R(statx(AT_FDCWD, "", 0, STATX_SIZE, &x));
  R(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
  R(statx(AT_FDCWD, "f", 0x8000000, STATX_SIZE, &x));
  R(statx(AT_FDCWD, "dir/f", 0, STATX_SIZE, (void *)8));
  R(fstatat(fd, "", &s1, AT_EMPTY_PATH));
  R(fstatat(fd, "", &s1, 0));
  R(stat("dir/f", (void *)8));
  return done();
}
