// guest: needs=root
// fsopen, fsconfig, fsmount, fspick, open_tree, move_mount, mount_setattr, in a mount namespace of its own.
#include "t.h"
#include <sys/mount.h>

static char base[] = "/tmp/mount-api-XXXXXX";

struct attributes {
  uint64_t set, clear, propagation, userns;
};

static long fsopen_(const char *type, unsigned flags) { return syscall(430, type, flags); }
static long fsconfig_(int fd, unsigned command, const char *key, const void *value, int aux) {
  return syscall(431, fd, command, key, value, aux);
}
static long fsmount_(int fd, unsigned flags, unsigned attributes) { return syscall(432, fd, flags, attributes); }
static long fspick_(int fd, const char *path, unsigned flags) { return syscall(433, fd, path, flags); }
static long tree(int fd, const char *path, unsigned flags) { return syscall(428, fd, path, flags); }
static long move(int from, const char *a, int to, const char *b, unsigned flags) { return syscall(429, from, a, to, b, flags); }
static long setattr(int fd, const char *path, unsigned flags, uint64_t set, uint64_t clear, uint64_t propagation) {
  struct attributes a = {set, clear, propagation, 0};
  return syscall(442, fd, path, flags, &a, sizeof a);
}

static void options(const char *where) {
  FILE *f = fopen("/proc/self/mountinfo", "r");
  char line[4096], point[1024], words[256], last[256] = "not mounted";
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%*d %*d %*s %*s %1023s %255s", point, words) != 2) continue;
    if (strncmp(point, base, strlen(base)) || strcmp(point + strlen(base), where)) continue;
    snprintf(last, sizeof last, "%s%s", words, strstr(line, " shared:") ? " shared" : "");
  }
  fclose(f);
  printf("%s: %s\n", where, last);
}

int main(void) {
  OK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  OK(mkdtemp(base) != NULL && mount("t", base, "tmpfs", 0, NULL) == 0 && chdir(base) == 0);
  OK(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);

  R(fsopen_("nosuchfs", 0));
  R(fsopen_("tmpfs", 2));
  int fs = fsopen_("tmpfs", 1);
  OK(fs >= 0 && fcntl(fs, F_GETFD) == FD_CLOEXEC);
  R(fsmount_(fs, 0, 0));
  R(fsconfig_(fs, 0, "ro", "x", 0));
  R(fsconfig_(fs, 1, "size", "1m", 0));
  R(fsconfig_(fs, 1, "source", "mine", 0));
  R(fsconfig_(fs, 1, "source", "yours", 0));
  R(fsconfig_(fs, 99, NULL, NULL, 0));
  R(fsconfig_(fs, 7, NULL, NULL, 0));
  R(fsconfig_(fs, 6, NULL, NULL, 0));
  R(fsconfig_(fs, 6, NULL, NULL, 0));
  R(fsconfig_(fs, 1, "mode", "0700", 0));
  R(fsmount_(fs, 0, 0x400));
  R(fsmount_(fs, 0, 0x30));
  int tree1 = fsmount_(fs, 1, 2 | 8);
  OK(tree1 >= 0);
  R(fsmount_(fs, 0, 0));
  int file = openat(tree1, "f", O_CREAT | O_RDWR, 0644);
  OK(file >= 0);
  close(file);
  R(move(tree1, "", AT_FDCWD, "a", 0));
  R(move(tree1, "", AT_FDCWD, "a", 0x8000));
  R(move(tree1, "", AT_FDCWD, "a", 4));
  options("/a");
  R(access("a/f", F_OK));
  close(fs);

  // A copy that is never mounted goes with its descriptor.
  R(tree(AT_FDCWD, "a", 0x8000));
  R(tree(-1, "a", 0));
  int copy = tree(AT_FDCWD, "a", 1);
  OK(copy >= 0);
  R(faccessat(copy, "f", F_OK, 0));
  R(setattr(copy, "", AT_EMPTY_PATH, 1, 0, 0));
  R(openat(copy, "g", O_CREAT | O_RDWR, 0644));
  close(copy);
  int place = tree(AT_FDCWD, "a", O_CLOEXEC);
  OK(place >= 0);
  R(faccessat(place, "f", F_OK, 0));
  R(move(place, "", AT_FDCWD, "b", 4));
  options("/a");
  options("/b");
  close(place);

  R(setattr(AT_FDCWD, "b", 0, 0x10, 0, 0));
  R(setattr(AT_FDCWD, "b", 0, 0x10, 0x10, 0));
  R(setattr(AT_FDCWD, "b", 0, 0x10 | 1, 0x70 | 8, MS_SHARED));
  options("/b");
  R(setattr(AT_FDCWD, "b", 0, 0, 0, MS_SHARED | MS_SLAVE));
  R(setattr(AT_FDCWD, "a", 0, 1, 0, 0));
  R(setattr(AT_FDCWD, "b", 0, 0, 0x10000000, 0));
  R(syscall(442, AT_FDCWD, "b", 0, NULL, 8));
  R(syscall(442, AT_FDCWD, "b", 0, NULL, 5000));

  R(fspick_(AT_FDCWD, "a", 0));
  int picked = fspick_(AT_FDCWD, "b", 1);
  OK(picked >= 0);
  R(fsconfig_(picked, 6, NULL, NULL, 0));
  R(fsconfig_(picked, 0, "ro", NULL, 0));
  R(fsconfig_(picked, 7, NULL, NULL, 0));
  close(picked);
  R(setattr(AT_FDCWD, "b", 0, 0, 1, MS_PRIVATE));
  R(open("b/g", O_CREAT | O_RDWR, 0644));

  // Beneath what is mounted.
  OK(mount("over", "a", "tmpfs", 0, NULL) == 0 && close(open("a/over", O_CREAT | O_RDWR, 0644)) == 0);
  int below = tree(AT_FDCWD, "b", 1);
  R(move(below, "", AT_FDCWD, "a", 0x200 | 4));
  R(access("a/over", F_OK));
  R(umount("a"));
  R(access("a/f", F_OK));
  close(below);

  OK(chdir("/") == 0 && umount2(base, MNT_DETACH) == 0 && rmdir(base) == 0);
  return failures;
}
