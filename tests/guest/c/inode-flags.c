// guest: needs=root kernel=6.6
// Immutable and append-only files of a tmpfs: what each refuses, to root too, and what statx tells.
#include "t.h"
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/xattr.h>

static int flagsOf(const char *path) {
  int fd = open(path, O_RDONLY), flags = -1;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) flags = -1;
  close(fd);
  return flags;
}
static int setFlags(const char *path, int flags) {
  int fd = open(path, O_RDONLY), result = ioctl(fd, FS_IOC_SETFLAGS, &flags), saved = errno;
  close(fd);
  errno = saved;
  return result;
}
static int tryOpen(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  return fd < 0 ? -1 : close(fd);
}
static void tell(const char *path) {
  struct statx s;
  OK(statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &s) == 0);
  unsigned known = STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE | STATX_ATTR_NODUMP;
  printf("%s: flags %x, attributes %x of %x\n", path, flagsOf(path), (unsigned)s.stx_attributes & known, (unsigned)s.stx_attributes_mask & known);
}

static void use(const char *what, int flags) {
  printf("-- %s\n", what);
  int before = open("f", O_RDWR), other = open("g", O_RDONLY);
  R(setFlags("f", flags));
  tell("f");
  R(tryOpen("f", O_RDONLY));
  R(tryOpen("f", O_WRONLY));
  R(tryOpen("f", O_RDWR));
  R(tryOpen("f", O_WRONLY | O_APPEND));
  R(tryOpen("f", O_WRONLY | O_APPEND | O_TRUNC));
  R(write(before, "x", 1)); // opened while it was allowed
  R(fcntl(before, F_SETFL, O_APPEND));
  R(fcntl(before, F_SETFL, 0));
  R(ftruncate(before, 1));
  R(truncate("f", 1));
  R(fallocate(before, 0, 0, 10));
  R(fallocate(before, FALLOC_FL_KEEP_SIZE, 0, 10));
  R(fallocate(before, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 10));
  R(copy_file_range(other, NULL, before, NULL, 1, 0));
  R(chmod("f", 0600));
  R(chown("f", 1, 1));
  R(utimensat(AT_FDCWD, "f", NULL, 0));
  R(utimensat(AT_FDCWD, "f", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
  R(setxattr("f", "trusted.a", "x", 1, 0));
  R(link("f", "second"));
  R(rename("f", "moved"));
  R(rename("g", "f"));
  R(unlink("f"));
  R(access("f", W_OK));
  R(setFlags("f", 0));
  close(before);
  close(other);
}

static void directory(const char *what, int flags) {
  printf("-- directory, %s\n", what);
  mkdir("d", 0755);
  close(open("d/old", O_CREAT | O_WRONLY, 0644));
  R(setFlags("d", flags));
  R(tryOpen("d/new", O_CREAT | O_WRONLY));
  R(mkdir("d/sub", 0755));
  R(unlink("d/old"));
  R(rename("d/old", "d/older"));
  R(tryOpen("d/old", O_RDWR));
  R(rename("d", "e"));
  R(setFlags("d", 0));
  OK(unlink("d/old") == 0);
  unlink("d/new"), rmdir("d/sub"), rmdir("d");
}

int main(void) {
  OK(mkdir("m", 0755) == 0);
  OK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  OK(mount("none", "m", "tmpfs", 0, "") == 0 && chdir("m") == 0);
  close(open("g", O_CREAT | O_WRONLY, 0644));
  close(open("f", O_CREAT | O_WRONLY, 0644));
  tell("f");
  use("immutable", FS_IMMUTABLE_FL);
  use("append only", FS_APPEND_FL);
  close(open("f", O_CREAT | O_WRONLY, 0644)), close(open("g", O_CREAT | O_WRONLY, 0644));
  R(setFlags("f", FS_NODUMP_FL | FS_NOATIME_FL));
  tell("f");
  R(setFlags("f", FS_COMPR_FL));
  R(setFlags("f", FS_SYNC_FL));
  int fd = open("f", O_RDONLY);
  R(ioctl(fd, FS_IOC_SETFLAGS, NULL));
  close(fd);
  directory("immutable", FS_IMMUTABLE_FL);
  directory("append only", FS_APPEND_FL);
  OK(chmod("g", 0666) == 0 && chmod(".", 0777) == 0);
  pid_t child = fork();
  if (child == 0) {
    OK(setresuid(1234, 1234, 1234) == 0);
    R(setFlags("g", FS_NODUMP_FL));
    close(open("own", O_CREAT | O_WRONLY, 0644));
    R(setFlags("own", FS_NODUMP_FL));
    R(setFlags("own", FS_IMMUTABLE_FL));
    _exit(failures);
  }
  reap("user", child);
  OK(chdir("..") == 0 && umount("m") == 0 && rmdir("m") == 0);
  return done();
}
