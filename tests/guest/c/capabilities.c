// guest: needs=root
// capget(2), capset(2), prctl(2) and execve(2): how the sets follow each other; file capabilities; set-user-ID programs.
#include "t.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/xattr.h>

static char base[] = "/tmp/capabilities-XXXXXX";
static char self[4096];

static uint64_t join(const struct __user_cap_data_struct *data, int which) {
  const uint32_t *low = &data[0].effective, *high = &data[1].effective;
  return low[which] | (uint64_t)high[which] << 32;
}

// Sets by the low capabilities of interest: chown 0, kill 5, setgid 6, setuid 7, setpcap 8, net_raw 13, sys_admin 21.
static char *letters(uint64_t set, char *out) {
  static const int bits[] = {0, 5, 6, 7, 8, 13, 21};
  for (int i = 0; i < 7; i++) out[i] = set >> bits[i] & 1 ? "ckguprs"[i] : '-';
  out[7] = 0;
  return out;
}

static void caps(const char *when) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  OK(syscall(SYS_capget, &header, data) == 0);
  char e[8], p[8], i[8], a[8];
  uint64_t ambient = 0;
  for (int c = 0; c <= 40; c++)
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1) ambient |= 1ull << c;
  printf("%-28s e=%s p=%s i=%s a=%s secure bits %x, dumpable %d\n", when, letters(join(data, 0), e), letters(join(data, 1), p),
         letters(join(data, 2), i), letters(ambient, a), prctl(PR_GET_SECUREBITS), prctl(PR_GET_DUMPABLE));
}

static int set(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable}, {effective >> 32, permitted >> 32, inheritable >> 32}};
  return syscall(SYS_capset, &header, data);
}

#define BIT(c) (1ull << (c))

// Runs `body`, then this program again as "show" from `program`, in a child.
static void run(const char *what, const char *program, void (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    body();
    execl(program, program, "show", what, NULL);
    printf("%s: execve: %s\n", what, strerrorname_np(errno));
    fflush(stdout);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void nothing(void) {}
static void becomeUser(void) { OK(setgroups(0, NULL) == 0 && setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0); }
static void keep(void) {
  OK(prctl(PR_SET_KEEPCAPS, 1) == 0);
  becomeUser();
  caps("kept");
}
static void ambient(void) {
  keep();
  R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 13, 0, 0));
  R(set(BIT(13), BIT(13), BIT(13)));
  R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 13, 0, 0));
  R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0));
  caps("ambient");
}
static void inheritable(void) {
  keep();
  R(set(0, BIT(5), BIT(5)));
}
static void noroot(void) {
  R(prctl(PR_SET_SECUREBITS, 1));
  caps("noroot");
}
static void userNoPrivileges(void) {
  becomeUser();
  OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
}
static void bounded(void) {
  R(prctl(PR_CAPBSET_DROP, 0));
  R(prctl(PR_CAPBSET_READ, 0));
  R(prctl(PR_CAPBSET_DROP, 41));
}
static void userBounded(void) {
  bounded();
  OK(prctl(PR_CAPBSET_DROP, 5) == 0);
  becomeUser();
}
static void otherRoot(void) { OK(setresuid(1000, 0, 0) == 0); }

static void copy(const char *to, mode_t mode) {
  char bytes[65536];
  int in = open(self, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0755);
  for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;) OK(write(out, bytes, n) == n);
  OK(fchmod(out, mode) == 0);
  close(in);
  close(out);
}

static long file_caps(const char *path, uint32_t permitted, uint32_t inheritable, bool effective) {
  uint32_t value[5] = {VFS_CAP_REVISION_2 | effective, permitted, inheritable, 0, 0};
  return setxattr(path, "security.capability", value, sizeof value, 0);
}

static void switching(void) {
  fflush(stdout);
  if (fork() == 0) {
    caps("root");
    R(setresuid(-1, 1000, -1));
    caps("effective user");
    R(setresuid(-1, 0, -1));
    caps("back");
    R(setfsuid(1000));
    caps("file system user");
    R(setfsuid(-1));
    R(setfsuid(0));
    R(set(BIT(0), BIT(0) | BIT(7), 0));
    R(set(BIT(5), BIT(0) | BIT(7), 0));
    R(set(BIT(0), BIT(5), 0));
    R(setuid(7));
    R(setgroups(0, NULL));
    R(set(BIT(7) | BIT(0), BIT(0) | BIT(7), 0));
    R(setuid(7));
    caps("gone");
    R(setuid(0));
    R(setresuid(7, 8, 7));
    _exit(0);
  }
  wait(NULL);
}

int main(int argc, char **argv) {
  if (argc == 3) {
    caps(argv[2]);
    printf("  uid %d %d gid %d %d\n", getuid(), geteuid(), getgid(), getegid());
    return failures;
  }
  OK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  OK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  OK(mkdtemp(base) != NULL && mount("t", base, "tmpfs", 0, "mode=755") == 0 && chdir(base) == 0);
  copy("plain", 0755);
  copy("setuid", 04755);
  copy("file", 0755);
  copy("inherit", 0755);
  OK(chmod(base, 0755) == 0);
  R(file_caps("file", BIT(0) | BIT(5), 0, true));
  R(file_caps("inherit", 0, BIT(5), true));
  R(setxattr("plain", "security.capability", "xxxx", 4, 0));
  switching();
  run("root", "plain", nothing);
  run("root without root", "plain", noroot);
  run("root bounded", "plain", bounded);
  run("user", "plain", becomeUser);
  run("user keeping", "plain", keep);
  run("user ambient", "plain", ambient);
  run("ambient, set-user-ID", "setuid", ambient);
  run("ambient, file", "file", ambient);
  run("real user", "plain", otherRoot);
  run("set-user-ID", "setuid", becomeUser);
  run("set-user-ID, no new", "setuid", userNoPrivileges);
  run("file", "file", becomeUser);
  run("file, no new", "file", userNoPrivileges);
  run("file, bounded", "file", userBounded);
  run("inherit, without", "inherit", becomeUser);
  run("inherit, with", "inherit", inheritable);
  OK(mount(NULL, base, NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL) == 0);
  run("set-user-ID, nosuid", "setuid", becomeUser);
  run("file, nosuid", "file", becomeUser);
  OK(chdir("/") == 0 && umount2(base, MNT_DETACH) == 0 && rmdir(base) == 0);
  return failures;
}
