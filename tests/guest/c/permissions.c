// guest: needs=root
// What an ordinary user may and may not do: modes, sticky and set-id directories, supplementary groups, capabilities lost by setuid.
#include "t.h"
#include <grp.h>
static void touch(const char *p, int mode, int uid, int gid) { int f = open(p, O_CREAT | O_WRONLY, 0600); write(f, "data", 4); close(f); OK(chown(p, uid, gid) == 0); OK(chmod(p, mode) == 0); }
int main(void) {
  umask(0);
  chmod(".", 0755);
  touch("mine", 0600, 1000, 1000);
  touch("group", 0060, 0, 2000);
  touch("groupdeny", 0604, 0, 1000);
  touch("other", 0006, 0, 0);
  touch("none", 0, 1000, 1000);
  touch("exec", 0644, 0, 0);
  touch("suid", 06755, 0, 0);
  mkdir("open", 0777);
  mkdir("sticky", 01777);
  mkdir("closed", 0700);
  mkdir("searchonly", 0711);
  mkdir("readonly", 0744);
  mkdir("setgid", 02777);
  chmod("sticky", 01777);
  chmod("setgid", 02777);
  chown("setgid", 0, 2000);
  touch("sticky/roots", 0666, 0, 0);
  touch("sticky/mine", 0600, 1000, 1000);
  touch("closed/x", 0666, 0, 0);
  touch("searchonly/x", 0666, 0, 0);
  touch("readonly/x", 0666, 0, 0);
  R(access("none", R_OK | W_OK));
  R(access("none", X_OK));
  pid_t p = fork();
  if (p == 0) {
    gid_t groups[1] = {2000};
    R(setgroups(1, groups));
    R(setgid(1000));
    R(setuid(1000));
    R(getuid() == 1000 && geteuid() == 1000);
    R(setuid(0));
    R(setgid(0));
    R(setgroups(0, NULL));
    R(getgroups(0, NULL));
    S(open("mine", O_RDWR));
    S(open("group", O_RDWR));
    S(open("groupdeny", O_RDONLY));
    S(open("other", O_RDWR));
    S(open("none", O_RDONLY));
    R(access("none", F_OK));
    R(access("exec", X_OK));
    R(execl("./exec", "x", NULL));
    R(chmod("other", 0777));
    R(chmod("mine", 0640));
    R(chown("mine", 0, 0));
    R(chown("mine", 1000, 2000));
    R(chown("mine", -1, 3000));
    R(utimes("other", NULL));
    R(utimes("exec", NULL));
    R(utimes("other", (struct timeval[2]){{1, 1}, {1, 1}}));
    S(open("newfile", O_CREAT | O_RDWR, 0644));
    S(open("open/new", O_CREAT | O_RDWR, 0644));
    R(unlink("mine"));
    R(unlink("sticky/roots"));
    R(rename("sticky/roots", "sticky/r2"));
    R(unlink("sticky/mine"));
    S(open("closed/x", O_RDONLY));
    R(chdir("closed"));
    S(open("searchonly/x", O_RDWR));
    S(open("searchonly", O_RDONLY));
    S(open("readonly", O_RDONLY));
    S(open("readonly/x", O_RDONLY));
    R(mkdir("setgid/sub", 0755));
    struct stat st;
    stat("setgid/sub", &st);
    printf("setgid inherited mode %o gid %d uid %d\n", st.st_mode & 07777, st.st_gid, st.st_uid);
    R(mknod("open/dev", S_IFCHR | 0666, 0x103));
    R(kill(1, 0));
    R(chroot("."));
    R(nice(-1));
    R(setpriority(PRIO_PROCESS, 0, 5));
    R(getpriority(PRIO_PROCESS, 0));
    R(sethostname("x", 1));
    struct rlimit l;
    getrlimit(RLIMIT_NOFILE, &l);
    l.rlim_max++;
    R(setrlimit(RLIMIT_NOFILE, &l));
    R(setreuid(1000, 1000));
    R(setreuid(0, -1));
    R(setresuid(-1, 1000, 0));
    R(setfsuid(0));
    R(prctl(PR_CAPBSET_DROP, 5));
    _exit(0);
  }
  reap("user", p);
  // A write by an ordinary user clears set-id bits; chown by root clears them as well.
  p = fork();
  if (p == 0) { touch("sbits", 06777, 1000, 1000); setgroups(0, NULL); setgid(1000); setuid(1000); int f = open("sbits", O_WRONLY); write(f, "x", 1); struct stat st; fstat(f, &st); printf("after write %o\n", st.st_mode & 07777); _exit(0); }
  reap("set-id cleared", p);
  // Saved ids: drop and regain.
  p = fork();
  if (p == 0) {
    R(setresuid(1000, 1000, 0));
    uid_t r, e, s;
    R(getresuid(&r, &e, &s));
    printf("%d %d %d\n", r, e, s);
    S(open("closed/x", O_RDONLY));
    R(seteuid(0));
    S(open("closed/x", O_RDONLY));
    R(setuid(1000));
    R(seteuid(0));
    _exit(0);
  }
  reap("saved ids", p);
  return done();
}
