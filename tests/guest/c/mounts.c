// guest: needs=root
// mount(2), umount2(2), pivot_root(2), propagation. In a mount namespace of its own, private: the host is not changed.
#include "t.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static char base[] = "/tmp/mounts-XXXXXX";

static int exists(const char *path) { return access(path, F_OK) == 0; }

static void make(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY, 0644);
  OK(fd >= 0);
  close(fd);
}

// Options and propagation of the mount on `where`, from mountinfo; groups are shown as letters, in the order of their appearance.
static void show_mount(const char *where) {
  FILE *f = fopen("/proc/self/mountinfo", "r");
  char line[4096], point[1024], options[256], rest[512];
  char last[1024] = "not mounted";
  while (fgets(line, sizeof line, f)) {
    if (sscanf(line, "%*d %*d %*s %*s %1023s %255s %511[^\n]", point, options, rest) != 3) continue;
    if (strncmp(point, base, strlen(base)) || strcmp(point + strlen(base), where)) continue;
    char *end = strstr(rest, "- ");
    bool shared = strstr(rest, "shared:") && strstr(rest, "shared:") < end;
    bool slave = strstr(rest, "master:") && strstr(rest, "master:") < end;
    bool unbindable = strstr(rest, "unbindable") && strstr(rest, "unbindable") < end;
    snprintf(last, sizeof last, "%s%s%s%s", options, shared ? " shared" : "", slave ? " slave" : "", unbindable ? " unbindable" : "");
  }
  fclose(f);
  printf("%s: %s\n", where, last);
}

static void basics(void) {
  OK(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
  R(mount("x", "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=0700,nr_inodes=20"));
  show_mount("/a");
  struct stat st;
  OK(stat("a", &st) == 0);
  R(st.st_mode & 07777);
  make("a/f");
  R(mount("x", "a/f", "tmpfs", 0, NULL));
  R(mount("x", "none", "tmpfs", 0, NULL));
  R(mount("x", "b", "nosuchfs", 0, NULL));
  R(mount("x", "b", NULL, 0, NULL));
  R(mount("x", "b", "tmpfs", 0, "nosuch=1"));
  R(mount(NULL, "b", NULL, MS_BIND, NULL));
  R(mount("a", "b", NULL, MS_BIND, NULL));
  OK(exists("b/f"));
  R(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  show_mount("/b");
  R(open("b/g", O_CREAT | O_WRONLY, 0644));
  R(rmdir("b"));
  R(umount("b/f"));
  int fd = open("b/f", O_RDONLY);
  R(umount("b"));
  close(fd);
  R(umount2("b", MNT_EXPIRE));
  R(umount2("b", MNT_EXPIRE | MNT_DETACH));
  OK(exists("b/f"));
  R(umount2("b", MNT_EXPIRE));
  R(umount2("b", MNT_EXPIRE));
  R(umount2("b", 0));
  R(umount2("b", 0x40));
  OK((fd = open("a/f", O_RDWR)) >= 0);
  R(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
  R(umount2("a", MNT_DETACH));
  OK(!exists("a/f"));
  R(write(fd, "x", 1));
  close(fd);
}

static void moves(void) {
  R(mount("x", "a", "tmpfs", 0, NULL));
  OK(mkdir("a/in", 0755) == 0);
  R(mount("a", "a/in", NULL, MS_MOVE, NULL));
  R(mount("a/in", "b", NULL, MS_MOVE, NULL));
  R(mount("a", "b", NULL, MS_MOVE, NULL));
  OK(exists("b/in") && !exists("a/in"));
  R(mount("y", "b/in", "tmpfs", 0, NULL));
  R(umount("b"));
  R(mount("b", "a", NULL, MS_BIND, NULL));
  show_mount("/a/in");
  R(umount("a"));
  R(mount("b", "a", NULL, MS_BIND | MS_REC, NULL));
  show_mount("/a/in");
  R(umount2("a", MNT_DETACH));
  R(umount2("b", MNT_DETACH));
  show_mount("/b/in");
}

static void propagation(void) {
  R(mount("x", "a", "tmpfs", 0, NULL));
  OK(mkdir("a/1", 0755) == 0 && mkdir("a/2", 0755) == 0);
  R(mount(NULL, "a", NULL, MS_SHARED | MS_PRIVATE, NULL));
  R(mount(NULL, "a/1", NULL, MS_SHARED, NULL));
  R(mount(NULL, "a", NULL, MS_SHARED, NULL));
  R(mount("a", "b", NULL, MS_BIND, NULL));
  show_mount("/b");
  R(mount("y", "a/1", "tmpfs", 0, NULL));
  show_mount("/a/1");
  show_mount("/b/1");
  R(mount("z", "b/2", "tmpfs", 0, NULL));
  show_mount("/a/2");
  R(umount("a/2"));
  show_mount("/b/2");
  R(mount(NULL, "b", NULL, MS_SLAVE, NULL));
  show_mount("/b");
  R(mount("z", "b/2", "tmpfs", 0, NULL));
  show_mount("/a/2");
  R(mount("w", "a/2", "tmpfs", 0, NULL));
  show_mount("/b/2");
  R(umount("a/2"));
  R(umount("b/2"));
  show_mount("/b/2");
  R(mount(NULL, "b", NULL, MS_SHARED, NULL));
  show_mount("/b");
  R(mount(NULL, "b", NULL, MS_UNBINDABLE, NULL));
  show_mount("/b");
  OK(mkdir("c", 0755) == 0);
  R(mount("b", "c", NULL, MS_BIND, NULL));
  R(mount("a/1", "c", NULL, MS_MOVE, NULL));
  R(umount2("a", MNT_DETACH));
  R(umount2("b", MNT_DETACH));
}

// What a namespace with another user namespace gets is slave and locked.
static void lesser(void) {
  R(mount("x", "a", "tmpfs", MS_NOEXEC, NULL));
  R(mount(NULL, "a", NULL, MS_SHARED, NULL));
  R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL));
  fflush(stdout);
  if (fork() == 0) {
    R(unshare(CLONE_NEWUSER | CLONE_NEWNS));
    show_mount("/a");
    R(umount("a"));
    R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
    R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | MS_NOSUID, NULL));
    R(mount("a", "b", NULL, MS_BIND, NULL));
    R(umount("b"));
    R(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
    _exit(0);
  }
  wait(NULL);
  show_mount("/a");
  R(umount("a"));
}

static void pivot(void) {
  OK(mkdir("root", 0755) == 0);
  R(syscall(SYS_pivot_root, "root", "root"));
  R(mount("r", "root", "tmpfs", 0, NULL));
  OK(mkdir("root/old", 0755) == 0);
  R(syscall(SYS_pivot_root, "root", "a"));
  R(syscall(SYS_pivot_root, "root/old", "root/old"));
  R(syscall(SYS_pivot_root, "none", "root/old"));
  fflush(stdout);
  if (fork() == 0) {
    OK(unshare(CLONE_NEWNS) == 0);
    R(chdir("root"));
    R(syscall(SYS_pivot_root, ".", "old"));
    OK(exists("/old/tmp"));
    char cwd[64];
    OK(getcwd(cwd, sizeof cwd) != NULL);
    puts(cwd);
    R(umount2("/old", MNT_DETACH));
    R(exists("/old/tmp"));
    _exit(0);
  }
  wait(NULL);
  fflush(stdout);
  if (fork() == 0) {
    OK(unshare(CLONE_NEWNS) == 0);
    R(chdir("root"));
    R(syscall(SYS_pivot_root, ".", "."));
    R(umount2(".", MNT_DETACH));
    R(exists("/old"));
    R(exists("/tmp"));
    R(chdir(".."));
    R(exists("old"));
    _exit(0);
  }
  wait(NULL);
  OK(exists("/tmp"));
  R(umount("root"));
}

int main(void) {
  OK(unshare(CLONE_NEWNS) == 0);
  OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  OK(mkdtemp(base) != NULL && mount("t", base, "tmpfs", 0, NULL) == 0 && chdir(base) == 0);
  basics();
  moves();
  propagation();
  lesser();
  pivot();
  OK(chdir("/") == 0 && umount2(base, MNT_DETACH) == 0 && rmdir(base) == 0);
  return failures;
}
