// guest: needs=root
// Overlay mounts: what shows, what is left in the upper directory, copies up, renames, links. Natively in a mount namespace of its own.
#include "t.h"
#include <dirent.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  OK(fd >= 0);
  OK(write(fd, text, strlen(text)) == (long)strlen(text));
  close(fd);
}

static void cat(const char *path) {
  char text[64] = "";
  int fd = open(path, O_RDONLY);
  long n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  printf("%s: %s\n", path, n < 0 ? strerrorname_np(errno) : text);
  if (fd >= 0) close(fd);
}

static int byName(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Names with their types; w for a whiteout, o behind what is opaque.
static void list(const char *path) {
  DIR *d = opendir(path);
  char *names[64];
  int count = 0;
  printf("%s:", path);
  for (struct dirent *e; d && (e = readdir(d));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    char at[512], mark[64];
    struct stat st;
    snprintf(at, sizeof at, "%s/%s", path, e->d_name);
    OK(lstat(at, &st) == 0);
    char type = S_ISDIR(st.st_mode) ? 'd' : S_ISREG(st.st_mode) ? 'f' : S_ISLNK(st.st_mode) ? 'l' : S_ISCHR(st.st_mode) && st.st_rdev == 0 ? 'w' : '?';
    int opaque = lgetxattr(at, "trusted.overlay.opaque", mark, sizeof mark) == 1 && mark[0] == 'y';
    asprintf(&names[count++], "%s(%c%s)", e->d_name, type, opaque ? "o" : "");
  }
  if (d) closedir(d);
  qsort(names, count, sizeof *names, byName);
  for (int i = 0; i < count; i++) printf(" %s", names[i]);
  puts("");
}

static unsigned long ino(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static void refused(void) {
  R(mount("o", "m", "overlay", 0, "lowerdir=l1"));
  R(mount("o", "m", "overlay", 0, "lowerdir=l1,upperdir=u"));
  R(mount("o", "m", "overlay", 0, "upperdir=u,workdir=w"));
  R(mount("o", "m", "overlay", 0, "lowerdir=none,upperdir=u,workdir=w"));
  R(mount("o", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=u"));
  R(mount("o", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=w,no=thing"));
  R(mount("o", "m", "overlay", 0, "lowerdir=l1:l2"));
  list("m");
  R(open("m/new", O_CREAT | O_WRONLY, 0600));
  R(mkdir("m/dir", 0700));
  R(umount("m"));
}

static void files(void) {
  list("m");
  cat("m/both");
  cat("m/low1");
  list("m/merged");
  struct stat st;
  OK(stat("m/low1", &st) == 0 && st.st_mtime == 1000 && (st.st_mode & 07777) == 0640 && st.st_uid == 12);
  unsigned long before = ino("m/low1");
  int reader = open("m/low1", O_RDONLY), unused = open("m/low2", O_RDONLY);
  list("u");
  int fd = open("m/low1", O_WRONLY | O_APPEND);
  list("u");
  R(write(fd, "+more", 5));
  close(fd);
  char text[32] = "";
  R(read(reader, text, 31));
  puts(text);
  OK(ino("m/low1") == before);
  OK(stat("u/low1", &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_uid == 12);
  cat("l1/low1");
  R(getxattr("m/low1", "trusted.kept", text, sizeof text));
  close(reader);
  R(chmod("m/low2", 0600));
  OK(fstat(unused, &st) == 0 && (st.st_mode & 07777) == 0600);
  OK(stat("l2/low2", &st) == 0 && (st.st_mode & 07777) == 0644);
  close(unused);
  R(setxattr("m/low2", "trusted.overlay.opaque", "y", 1, 0));
  R(getxattr("m/merged", "trusted.overlay.opaque", text, sizeof text));
  put("m/merged/sub/deep/new", "deep");
  list("u/merged/sub");
  R(truncate("m/merged/a", 1));
  cat("m/merged/a");
  cat("l1/merged/a");
}

static void names(void) {
  R(unlink("m/both"));
  cat("m/both");
  list("u");
  put("m/both", "again");
  cat("m/both");
  list("u");
  R(rmdir("m/merged"));
  R(unlink("m/hidden/x"));
  R(rmdir("m/hidden"));
  R(mkdir("m/hidden", 0755));
  list("m/hidden");
  R(rmdir("m/none"));
  R(rename("m/merged", "m/elsewhere"));
  R(rename("m/low3", "m/moved"));
  cat("m/moved");
  cat("m/low3");
  R(mkdir("m/made", 0755));
  put("m/made/in", "in");
  R(rename("m/made", "m/merged/made"));
  cat("m/merged/made/in");
  R(rename("m/merged/made", "m/link"));
  R(renameat2(AT_FDCWD, "m/moved", AT_FDCWD, "m/link", RENAME_NOREPLACE));
  R(renameat2(AT_FDCWD, "m/moved", AT_FDCWD, "m/link", RENAME_EXCHANGE));
  char target[64] = "";
  OK(readlink("m/moved", target, 63) > 0);
  puts(target);
  R(link("m/low4", "m/linked"));
  put("m/linked", "through");
  cat("m/low4");
  struct stat st;
  OK(stat("m/low4", &st) == 0 && st.st_nlink == 2);
  R(mknod("m/fifo", S_IFIFO | 0600, 0));
  list("m");
  list("u");
  list("u/merged");
}

static void open_and_gone(void) {
  int fd = open("m/low5", O_RDWR), plain = open("m/low6", O_RDONLY);
  R(unlink("m/low5"));
  R(unlink("m/low6"));
  R(write(fd, "12", 2));
  char text[16] = "";
  R(pread(fd, text, 15, 0));
  puts(text);
  int tmp = open("m", O_TMPFILE | O_RDWR, 0600);
  R(write(tmp, "tmp", 3));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", tmp);
  R(linkat(AT_FDCWD, path, AT_FDCWD, "m/from-tmp", AT_SYMLINK_FOLLOW));
  cat("u/from-tmp");
  char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, tmp, 0);
  OK(map != MAP_FAILED);
  memcpy(map, "MAP", 3);
  cat("m/from-tmp");
  munmap(map, 4096);
  close(tmp);
  close(fd);
  R(read(plain, text, 15));
  close(plain);
}

static void unprivileged(void) {
  OK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
  R(open("m/low4", O_WRONLY));
  R(mkdir("m/no", 0700));
  R(unlink("m/low2"));
  list("m/locked");
}

int main(void) {
  umask(022);
  OK(unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  OK(mount("t", "/mnt", "tmpfs", 0, NULL) == 0 && chdir("/mnt") == 0);
  char *dirs[] = {"l1", "l2", "u", "w", "m", "l1/merged", "l2/merged", "l2/merged/sub", "l2/merged/sub/deep", "l1/hidden", "l2/hidden", "l1/locked", "l1/opaque", "l2/opaque"};
  for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++) OK(mkdir(dirs[i], 0755) == 0);
  put("l1/both", "upper one");
  put("l2/both", "lower one");
  put("l1/low1", "one");
  OK(chown("l1/low1", 12, 0) == 0 && chmod("l1/low1", 0640) == 0 && setxattr("l1/low1", "trusted.kept", "abc", 3, 0) == 0);
  struct timespec times[2] = {{1000, 0}, {1000, 0}};
  OK(utimensat(AT_FDCWD, "l1/low1", times, 0) == 0);
  put("l2/low2", "two");
  put("l2/low3", "three");
  put("l2/low4", "four");
  put("l2/low5", "fife");
  put("l2/low6", "six");
  put("l1/merged/a", "from one");
  put("l2/merged/a", "from two");
  put("l2/merged/b", "b");
  put("l2/hidden/x", "x");
  put("l2/opaque/x", "x");
  OK(setxattr("l1/opaque", "trusted.overlay.opaque", "y", 1, 0) == 0);
  OK(symlink("low2", "l1/link") == 0 && mknod("l1/gone", S_IFCHR, 0) == 0);
  put("l2/gone", "gone");
  OK(chmod("l1/locked", 0700) == 0);
  refused();
  R(mount("o", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w"));
  list("m/opaque");
  files();
  names();
  open_and_gone();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    unprivileged();
    _exit(failures);
  }
  reap("unprivileged", child);
  R(umount("m"));
  list("u");
  int fs = syscall(SYS_fsopen, "overlay", 0);
  OK(fs >= 0);
  R(syscall(SYS_fsconfig, fs, 1, "lowerdir+", "/mnt/l1", 0));
  R(syscall(SYS_fsconfig, fs, 1, "lowerdir+", "/mnt/l2", 0));
  R(syscall(SYS_fsconfig, fs, 1, "upperdir", "/mnt/u", 0));
  R(syscall(SYS_fsconfig, fs, 1, "workdir", "/mnt/w", 0));
  R(syscall(SYS_fsconfig, fs, 6, NULL, NULL, 0));
  int tree = syscall(SYS_fsmount, fs, 0, 0);
  OK(tree >= 0);
  R(syscall(SYS_move_mount, tree, "", AT_FDCWD, "m", 4));
  list("m");
  cat("m/low4");
  cat("m/low3");
  // Overlays upon overlays end somewhere; a hole stays a hole.
  OK(chdir("/mnt") == 0);
  char *more[] = {"m2", "m3", "u2", "w2", "big"};
  for (int i = 0; i < 5; i++) OK(mkdir(more[i], 0755) == 0);
  R(mount("o", "m2", "overlay", 0, "lowerdir=m:l1"));
  R(mount("o", "m3", "overlay", 0, "lowerdir=m2:l1"));
  R(umount("m2"));
  int huge = open("big/huge", O_RDWR | O_CREAT, 0600);
  OK(ftruncate(huge, 1L << 40) == 0 && pwrite(huge, "data", 4, 1L << 39) == 4);
  close(huge);
  R(mount("o", "m2", "overlay", 0, "lowerdir=big,upperdir=u2,workdir=w2"));
  huge = open("m2/huge", O_RDWR);
  char text[8] = "";
  R(pread(huge, text, 4, 1L << 39));
  puts(text);
  struct stat st;
  OK(fstat(huge, &st) == 0 && st.st_size == 1L << 40 && st.st_blocks < 1000000);
  return done();
}
