// guest: needs=root
// Calls about the machine and its kernel: kcmp, sysfs, ustat, cachestat, syslog, reboot, ports, modules, deadlines, sysctls, loop devices' errors.
#include "t.h"
#include <linux/kcmp.h>
#include <linux/reboot.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/reboot.h>
struct range { uint64_t off, len; };
struct cached { uint64_t cache, dirty, writeback, evicted, recent; };
struct attr { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t runtime, deadline, period; uint32_t min, max; };
static long kcmp(int a, int b, int type, unsigned long i, unsigned long j) { return syscall(SYS_kcmp, a, b, type, i, j); }
int main(void) {
  int self = getpid(), f = open("f", O_RDWR | O_CREAT, 0600), g = dup(f), h = open("f", O_RDWR);
  R(kcmp(self, self, KCMP_FILE, f, g));
  OK(kcmp(self, self, KCMP_FILE, f, h) + kcmp(self, self, KCMP_FILE, h, f) == 3);
  R(kcmp(self, self, KCMP_FILE, f, 99));
  R(kcmp(self, self, KCMP_VM, 0, 0));
  R(kcmp(self, 0x3fffff, KCMP_VM, 0, 0));
  R(kcmp(self, self, 50, 0, 0));
  OK(syscall(SYS_sysfs, 3) > 2);
  long number = syscall(SYS_sysfs, 1, "proc");
  char name[64] = "";
  OK(number >= 0 && syscall(SYS_sysfs, 2, number, name) == 0 && !strcmp(name, "proc"));
  R(syscall(SYS_sysfs, 1, "ext0"));
  R(syscall(SYS_sysfs, 1, (void *)8));
  R(syscall(SYS_sysfs, 2, 100000, name));
  R(syscall(SYS_sysfs, 9));
  struct stat st;
  char buffer[64];
  stat("/proc", &st);
  R(syscall(SYS_ustat, (unsigned)st.st_dev, buffer));
  R(syscall(SYS_ustat, (unsigned)st.st_dev, (void *)8));
  R(syscall(SYS_ustat, 0xfffff, buffer));
  write(f, memset(malloc(8192), 'x', 8192), 8192);
  struct range r = {0, 0};
  struct cached c;
  long known = syscall(451, f, &r, &c, 0);
  OK((known == -1 && errno == ENOSYS) || c.cache == 2);
  R(klogctl(100, name, 0));
  R(klogctl(2, NULL, 0));
  R(klogctl(3, name, -1));
  R(klogctl(8, name, 9));
  R(klogctl(3, name, 0));
  OK(klogctl(10, NULL, 0) > 0);
  R(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, 5, LINUX_REBOOT_CMD_CAD_ON, 0));
  R(syscall(SYS_reboot, 5, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, 0));
  R(reboot(0x77));
  OK(iopl(4) == -1 && (errno == EINVAL || errno == ENOSYS));
  OK(ioperm(65530, 10, 1) == -1 && (errno == EINVAL || errno == ENOSYS));
  R(syscall(SYS_delete_module, (void *)8, 0) == -1 && (errno == EFAULT || errno == ENOSYS));
  struct attr a = {.size = 48, .policy = 6, .runtime = 10, .deadline = 20, .period = 30};
  R(syscall(SYS_sched_setattr, 0, &a, 0));
  a = (struct attr){.size = 48, .policy = 6, .runtime = 20000, .deadline = 10000, .period = 30000};
  R(syscall(SYS_sched_setattr, 0, &a, 0));
  int ctl = open("/proc/sys/fs/pipe-max-size", O_RDWR);
  R(write(ctl, "none", 4));
  R(write(ctl, "-1", 2));
  if (!fork()) {
    setuid(1);
    int p[2];
    pipe(p);
    R(fcntl(p[0], F_SETPIPE_SZ, 1 << 22));
    R(open("/proc/sys/fs/pipe-max-size", O_WRONLY));
    R(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, 0));
    R(syscall(SYS_delete_module, "none", 0) == -1 && (errno == EPERM || errno == ENOSYS));
    R(vhangup());
    exit(0);
  }
  wait(NULL);
  return failures;
}
