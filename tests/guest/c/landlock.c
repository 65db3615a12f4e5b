// guest: kernel=6.12 needs=namespaces
// Landlock: what makes a ruleset and a rule, each right on files, moving between directories, layers, ports, scopes, mounts, tracing.
#include "t.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#define EXECUTE 1
#define WRITE_FILE 2
#define READ_FILE 4
#define READ_DIR 8
#define REMOVE_DIR 0x10
#define REMOVE_FILE 0x20
#define MAKE_DIR 0x80
#define MAKE_REG 0x100
#define MAKE_FIFO 0x400
#define MAKE_SYM 0x1000
#define REFER 0x2000
#define TRUNCATE 0x4000
#define IOCTL_DEV 0x8000
#define ALL 0xffff

struct attr { uint64_t fs, net, scoped; };
struct beneath { uint64_t allowed; int32_t fd; } __attribute__((packed));
struct port { uint64_t allowed, port; };

static long create(struct attr *a, size_t n, int flags) { return syscall(SYS_landlock_create_ruleset, a, n, flags); }
static int ruleset(uint64_t fs, uint64_t net, uint64_t scoped) { return create(&(struct attr){fs, net, scoped}, sizeof(struct attr), 0); }
static long addRule(int set, int type, const void *rule, int flags) { return syscall(SYS_landlock_add_rule, set, type, rule, flags); }
static long allow(int set, const char *path, uint64_t access) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  long result = addRule(set, 1, &(struct beneath){access, fd}, 0);
  close(fd);
  return result;
}
static long restrictSelf(int set) { return syscall(SYS_landlock_restrict_self, set, 0); }

static void in(const char *what, void (*body)(void)) {
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    body();
    _exit(failures);
  }
  reap(what, child);
}

static void errors(void) {
  struct attr big[200] = {{.fs = EXECUTE}};
  OK(create(NULL, 0, 1) >= 6);
  R(create(NULL, 0, 1 << 20));
  R(create(NULL, 8, 1));
  R(create(NULL, 8, 0));
  R(create(big, 7, 0));
  R(create(big, 8192, 0));
  big[5].fs = 1;
  R(create(big, sizeof big, 0));
  R(ruleset(0, 0, 0));
  R(ruleset(1ull << 40, 0, 0));
  R(ruleset(EXECUTE, 1 << 20, 0));
  R(ruleset(EXECUTE, 0, 1 << 20));
  int set = ruleset(EXECUTE | READ_DIR, 1, 0);
  OK(fcntl(set, F_GETFD) == FD_CLOEXEC);
  char byte;
  R(read(set, &byte, 1));
  R(allow(set, "/", 0));
  R(allow(set, "/", WRITE_FILE));
  R(allow(set, "/dev/null", READ_DIR));
  R(allow(set, "/dev/null", EXECUTE));
  R(allow(set, "/", EXECUTE | READ_DIR));
  struct beneath rule = {EXECUTE, -1};
  R(addRule(set, 1, &rule, 0));
  R(addRule(set, 1, &rule, 1));
  R(addRule(set, 1, NULL, 0));
  R(addRule(set, 9, &rule, 0));
  R(addRule(0, 1, &rule, 0));
  R(addRule(-1, 1, &rule, 0));
  rule.fd = set;
  R(addRule(set, 1, &rule, 0));
  R(addRule(set, 2, &(struct port){0, 80}, 0));
  R(addRule(set, 2, &(struct port){2, 80}, 0));
  R(addRule(set, 2, &(struct port){1, 65536}, 0));
  R(addRule(set, 2, &(struct port){1, 65535}, 0));
  R(syscall(SYS_landlock_restrict_self, set, 1 << 20));
  R(restrictSelf(-1));
  R(restrictSelf(0));
  int layers = 0;
  while (restrictSelf(set) == 0) layers++;
  printf("%d layers, then %s\n", layers, strerrorname_np(errno));
}

static void makeTree(void) {
  mkdir("t", 0755), mkdir("t/a", 0755), mkdir("t/b", 0755), mkdir("t/c", 0755), mkdir("t/a/gone", 0755);
  const char *files[] = {"t/a/file", "t/a/other", "t/b/file", "t/c/file", "t/a/moving"};
  for (int i = 0; i < 5; i++) close(open(files[i], O_CREAT | O_WRONLY, 0755));
}

static int tryOpen(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  if (fd < 0) return -1;
  close(fd);
  return 0;
}

static int access_(const char *path) { return access(path, R_OK | W_OK); }

// Everything, in a directory that grants `access`.
static void use(const char *what, uint64_t access) {
  printf("-- %s\n", what);
  int set = ruleset(ALL, 0, 0);
  if (access) OK(allow(set, "t/a", access) == 0);
  int before = open("t/a/file", O_RDWR), directory = open("t", O_RDONLY);
  OK(restrictSelf(set) == 0);
  R(tryOpen("t/a/file", O_RDONLY));
  R(tryOpen("t/a/file", O_WRONLY));
  R(tryOpen("t/a/file", O_RDWR));
  R(tryOpen("t/a/file", O_WRONLY | O_TRUNC));
  R(tryOpen("t/a", O_RDONLY | O_DIRECTORY));
  R(tryOpen("t/a/file", O_PATH));
  R(tryOpen("t/a/new", O_WRONLY | O_CREAT));
  R(tryOpen("t/b/file", O_RDONLY));
  R(truncate("t/a/file", 3));
  R(ftruncate(before, 2)); // opened while it was allowed
  int fd = open("t/a/file", O_WRONLY);
  if (fd >= 0) R(ftruncate(fd, 1));
  R(mkdir("t/a/d", 0755));
  R(mkfifo("t/a/fifo", 0644));
  R(symlink("x", "t/a/link"));
  R(rmdir("t/a/gone"));
  R(unlink("t/a/other"));
  R(rename("t/a/moving", "t/a/moved"));
  R(link("t/a/file", "t/a/second"));
  R(rename("t/a/file", "t/b/elsewhere"));
  R(access_("t/a/file"));
  R(chmod("t/a/file", 0700));
  R(openat(directory, "b/file", O_RDONLY));
  R(chdir("t/b"));
  execl("../a/file", "file", NULL);
  printf("execve: %s\n", strerrorname_np(errno));
}


static void nothing(void) { use("nothing granted", 0); }
static void reading(void) { use("reading", READ_FILE | READ_DIR); }
static void writing(void) { use("writing", WRITE_FILE); }
static void truncating(void) { use("writing and truncating", WRITE_FILE | TRUNCATE); }
static void making(void) { use("making", MAKE_REG | MAKE_DIR | MAKE_FIFO | MAKE_SYM | WRITE_FILE); }
static void removing(void) { use("removing", REMOVE_DIR | REMOVE_FILE); }
static void executing(void) { use("executing", EXECUTE | READ_FILE); }
static void renaming(void) { use("renaming", REMOVE_FILE | MAKE_REG); }
static void everything(void) { use("everything", ALL); }

static void refer(void) {
  int set = ruleset(READ_FILE | WRITE_FILE | REFER, 0, 0);
  allow(set, "t/a", REFER | READ_FILE);
  allow(set, "t/b", REFER | READ_FILE);
  allow(set, "t/c", REFER | READ_FILE | WRITE_FILE);
  OK(restrictSelf(set) == 0);
  R(rename("t/a/moving", "t/b/moving"));
  R(link("t/b/moving", "t/a/moving"));
  R(rename("t/b/moving", "t/c/moving")); // it could be written there
  R(rename("t/c/file", "t/b/less"));
  R(renameat2(AT_FDCWD, "t/a/file", AT_FDCWD, "t/b/file", RENAME_EXCHANGE));
  R(renameat2(AT_FDCWD, "t/a/file", AT_FDCWD, "t/b/none", RENAME_EXCHANGE));
  R(rename("t/a/file", "t/outside"));
}

static void unhandledRefer(void) {
  int set = ruleset(EXECUTE, 0, 0);
  OK(restrictSelf(set) == 0);
  R(rename("t/a/moving", "t/b/moving"));
  R(rename("t/a/moving", "t/a/moved"));
}

static void layers(void) {
  int first = ruleset(READ_FILE | WRITE_FILE, 0, 0), second = ruleset(WRITE_FILE, 0, 0);
  allow(first, "t", READ_FILE | WRITE_FILE);
  allow(second, "t/a/file", WRITE_FILE);
  OK(restrictSelf(first) == 0);
  R(tryOpen("t/b/file", O_RDWR));
  OK(restrictSelf(second) == 0);
  allow(second, "t/b", WRITE_FILE); // too late for the layer
  R(tryOpen("t/b/file", O_RDWR));
  R(tryOpen("t/b/file", O_RDONLY));
  R(tryOpen("t/a/file", O_RDWR));
  R(tryOpen("t/a/other", O_WRONLY));
  R(tryOpen("/dev/null", O_RDONLY));
  pid_t child = fork();
  if (child == 0) _exit(tryOpen("t/b/file", O_RDWR) == 0);
  reap("child", child);
  int tube[2];
  OK(pipe(tube) == 0);
  char name[40];
  sprintf(name, "/proc/self/fd/%d", tube[1]);
  R(tryOpen(name, O_WRONLY)); // no file of the tree
}

static void *inThread(void *arg) { R(tryOpen("t/a/file", O_RDONLY)); return NULL; }
static volatile int go;
static void *older(void *arg) {
  while (!go) usleep(1000);
  R(tryOpen("t/a/file", O_RDONLY));
  return NULL;
}

static void threads(void) {
  pthread_t before, after;
  pthread_create(&before, NULL, older, NULL);
  OK(restrictSelf(ruleset(READ_FILE, 0, 0)) == 0);
  go = 1;
  pthread_join(before, NULL);
  pthread_create(&after, NULL, inThread, NULL);
  pthread_join(after, NULL);
}

static void devices(void) {
  int before = open("/dev/null", O_RDWR), set = ruleset(IOCTL_DEV, 0, 0);
  OK(restrictSelf(set) == 0);
  int after = open("/dev/null", O_RDWR), n;
  R(ioctl(before, TCGETS, &n));
  R(ioctl(after, TCGETS, &n));
  R(ioctl(after, FIOCLEX));
  R(ioctl(after, FIONBIO, &(int){0}));
  R(ioctl(open("t/a/file", O_RDONLY), FIONREAD, &n));
}

static int tcp(int (*call)(int, const struct sockaddr *, socklen_t), int port, int family) {
  struct sockaddr_in to = {.sin_family = family, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int s = socket(AF_INET, SOCK_STREAM, 0);
  int result = call(s, (struct sockaddr *)&to, sizeof to), saved = errno;
  close(s);
  errno = saved;
  return result;
}

static void ports(void) {
  int set = ruleset(0, 3, 0);
  R(addRule(set, 2, &(struct port){1, 0}, 0));
  R(addRule(set, 2, &(struct port){2, 9}, 0));
  OK(restrictSelf(set) == 0);
  R(tcp(bind, 0, AF_INET));
  R(tcp(bind, 7777, AF_INET));
  R(tcp(connect, 9, AF_INET));
  R(tcp(connect, 10, AF_INET));
  R(tcp(connect, 10, AF_UNSPEC));
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  R(connect(udp, (struct sockaddr *)&to, sizeof to));
}

static struct sockaddr_un abstractName(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  sprintf(name.sun_path + 1, "skas-landlock-%d", getpgrp());
  return name;
}

static void scopes(void) {
  setpgid(0, 0);
  struct sockaddr_un name = abstractName();
  int outside = socket(AF_UNIX, SOCK_STREAM, 0);
  OK(bind(outside, (struct sockaddr *)&name, sizeof name) == 0 && listen(outside, 5) == 0);
  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    OK(restrictSelf(ruleset(0, 0, 3)) == 0);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    R(connect(s, (struct sockaddr *)&name, sizeof name));
    R(kill(parent, 0));
    R(kill(getpid(), 0));
    struct sockaddr_un own = name;
    own.sun_path[80] = 'x';
    int inside = socket(AF_UNIX, SOCK_STREAM, 0);
    OK(bind(inside, (struct sockaddr *)&own, sizeof own) == 0 && listen(inside, 5) == 0);
    R(connect(s, (struct sockaddr *)&own, sizeof own));
    pid_t grandchild = fork();
    if (grandchild == 0) {
      OK(restrictSelf(ruleset(0, 0, 3)) == 0);
      R(kill(getppid(), 0));
      raise(SIGSTOP);
    }
    waitpid(grandchild, NULL, WUNTRACED);
    R(ptrace(PTRACE_SEIZE, parent, 0, 0));
    R(kill(grandchild, SIGKILL));
    waitpid(grandchild, NULL, 0);
    _exit(failures);
  }
  reap("scoped", child);
}

static void mounts(void) {
  OK(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
  OK(restrictSelf(ruleset(MAKE_REG, 0, 0)) == 0);
  R(mount("none", "t", "tmpfs", 0, ""));
}

int main(void) {
  in("errors", errors);
  void (*bodies[])(void) = {nothing, reading, writing, truncating, making, removing, executing, renaming, everything, refer, unhandledRefer, layers, threads, devices};
  for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    makeTree();
    in("body", bodies[i]);
    OK(system("rm -rf t") == 0);
  }
  in("ports", ports);
  in("scopes", scopes);
  makeTree();
  in("mounts", mounts);
  OK(system("rm -rf t") == 0);
  prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
  return done();
}
