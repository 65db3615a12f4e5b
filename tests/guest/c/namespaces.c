// guest: needs=root
// unshare(2), clone(2), setns(2) and what /proc shows of namespaces. Natively in namespaces of its own: the host is not changed.
#include "t.h"
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>

static void put(const char *file, const char *text) {
  int fd = open(file, O_WRONLY);
  long done = fd < 0 ? -1 : write(fd, text, strlen(text));
  printf("%s <- \"%s\": %s\n", file, text, done < 0 ? strerrorname_np(errno) : "ok");
  if (fd >= 0) close(fd);
}

static void cat(const char *file) {
  char text[256] = "";
  int fd = open(file, O_RDONLY);
  long done = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  printf("%s:%s%s", file, done < 0 ? strerrorname_np(errno) : text, done <= 0 ? "\n" : "");
  if (fd >= 0) close(fd);
}

static int inChild(int (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(body());
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) printf("signal %d\n", WTERMSIG(status));
  return WEXITSTATUS(status);
}

static ino_t link_of(const char *name) {
  struct stat st;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/ns/%s", name);
  return stat(path, &st) == 0 ? st.st_ino : 0;
}

static int user_namespace(void) {
  R(setgroups(0, NULL));
  OK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
  // Not dumpable any more: its directory belongs to root, and is its own nevertheless.
  R(access("/proc/self/fd/1", F_OK));
  prctl(PR_SET_DUMPABLE, 1);
  ino_t before = link_of("user");
  R(unshare(CLONE_NEWUSER));
  OK(link_of("user") != before);
  R(getuid());
  R(getgid());
  cat("/proc/self/uid_map");
  R(setuid(0));
  put("/proc/self/uid_map", "0 1001 1");
  put("/proc/self/uid_map", "0 1000 2");
  put("/proc/self/uid_map", "x 1000 1");
  int map = open("/proc/self/uid_map", O_WRONLY);
  R(write(map, "0 1000 1\n", 10));
  close(map);
  put("/proc/self/uid_map", "0 1000 1\n");
  put("/proc/self/gid_map", "0 1000 1\n");
  put("/proc/self/setgroups", "deny");
  put("/proc/self/gid_map", "0 1000 1\n");
  put("/proc/self/setgroups", "allow");
  cat("/proc/self/uid_map");
  cat("/proc/self/setgroups");
  R(getuid());
  R(getgid());
  R(setuid(5));
  R(setgroups(0, NULL));
  R(sethostname("mine", 4));
  R(unshare(CLONE_NEWUTS));
  R(sethostname("mine", 4));
  R(chroot("/"));
  R(mknod("/dev/shm/guest-namespaces", S_IFCHR | 0600, 0x103));
  R(mount("none", "/tmp", "tmpfs", 0, NULL));
  struct stat st;
  OK(stat("/proc/1", &st) == 0);
  OK(st.st_uid == 65534);
  R(chown("/proc/self/root", 12, 12));
  R(prctl(PR_CAPBSET_READ, 21));
  struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  struct sock_fprog filter = {1, &allow};
  R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
  return 0;
}

static int pid_namespace(void) {
  ino_t before = link_of("pid_for_children"), own = link_of("pid");
  R(unshare(CLONE_NEWPID));
  OK(link_of("pid") == own && link_of("pid_for_children") != before);
  R(unshare(CLONE_NEWPID));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    R(getpid());
    R(getppid());
    R(getpgrp());
    R(kill(getpid(), SIGKILL));
    R(kill(-1, SIGTERM));
    R(setsid());
    pid_t orphan = fork();
    if (orphan == 0) {
      R(getpid());
      R(getppid());
      pid_t inner = fork();
      if (inner == 0) {
        while (getppid() != 1) usleep(1000);
        _exit(7);
      }
      _exit(5);
    }
    int status;
    R(waitpid(2, &status, 0));
    R(WEXITSTATUS(status));
    R(wait(&status));
    R(WEXITSTATUS(status));
    R(kill(77, 0));
    // Killed with this one.
    if (fork() == 0) for (;;) pause();
    _exit(3);
  }
  int status;
  OK(waitpid(child, &status, 0) == child);
  R(WEXITSTATUS(status));
  R(fork());
  return 0;
}

static int initKilled(void) {
  OK(unshare(CLONE_NEWPID) == 0);
  int fds[2];
  OK(pipe(fds) == 0);
  pid_t child = fork();
  if (child == 0) {
    if (fork() == 0) for (;;) pause();
    OK(write(fds[1], "x", 1) == 1);
    for (;;) pause();
  }
  close(fds[1]);
  char c;
  OK(read(fds[0], &c, 1) == 1);
  R(kill(child, SIGTERM));
  int status;
  R(waitpid(child, &status, WNOHANG));
  R(kill(child, SIGKILL));
  OK(waitpid(child, &status, 0) == child);
  R(WTERMSIG(status));
  // The other member is gone too: nobody holds the pipe.
  R(read(fds[0], &c, 1));
  return 0;
}

static int uts(void) {
  char name[65];
  OK(unshare(CLONE_NEWUTS) == 0);
  R(sethostname("first", 5));
  int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  OK(fd >= 0);
  OK(unshare(CLONE_NEWUTS) == 0);
  R(sethostname("second", 6));
  OK(gethostname(name, sizeof name) == 0);
  puts(name);
  R(setns(fd, CLONE_NEWNS));
  R(setns(fd, CLONE_NEWUTS));
  OK(gethostname(name, sizeof name) == 0);
  puts(name);
  R(setns(0x7fff, 0));
  int file = open("/", O_RDONLY);
  R(setns(file, 0));
  OK(ioctl(fd, 0xb703) == CLONE_NEWUTS);
  int owner = ioctl(fd, 0xb701);
  OK(owner >= 0 && ioctl(owner, 0xb703) == CLONE_NEWUSER);
  R(ioctl(fd, 0xb702));
  char link[64] = "";
  OK(readlink("/proc/self/ns/uts", link, sizeof link - 1) > 0);
  OK(strncmp(link, "uts:[", 5) == 0);
  return 0;
}

static int status_ids(void) {
  OK(unshare(CLONE_NEWPID) == 0);
  int fds[2];
  OK(pipe(fds) == 0);
  pid_t child = fork();
  if (child == 0) {
    char c;
    OK(read(fds[0], &c, 1) == 1);
    _exit(0);
  }
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", child);
  int fd = open(path, O_RDONLY);
  long n = read(fd, text, sizeof text - 1);
  OK(n > 0);
  text[n > 0 ? n : 0] = 0;
  char *line = strstr(text, "\nNSpid:");
  int outer, inner;
  OK(line && sscanf(line, "\nNSpid: %d %d", &outer, &inner) == 2);
  OK(outer == child);
  R(inner);
  OK(write(fds[1], "x", 1) == 1);
  waitpid(child, NULL, 0);
  return 0;
}

int main(void) {
  R(unshare(0x40));
  return inChild(user_namespace) + inChild(pid_namespace) + inChild(initKilled) + inChild(uts) + inChild(status_ids) + failures;
}
