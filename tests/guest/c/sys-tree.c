// /sys as programs that look for CPUs, memory and interfaces read it.
#include "t.h"
#include <dirent.h>
#include <net/if.h>
#include <sys/statfs.h>

static char text[65536];

static char *slurp(const char *path) {
  int fd = open(path, O_RDONLY);
  long got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[got < 0 ? 0 : got] = 0;
  if (fd >= 0) close(fd);
  return text;
}

// Number of CPUs in a list: 0-3,5
static long in_list(const char *at) {
  long count = 0;
  while (*at >= '0' && *at <= '9') {
    char *end;
    long first = strtol(at, &end, 10), last = first;
    if (*end == '-') last = strtol(end + 1, &end, 10);
    count += last - first + 1;
    at = *end == ',' ? end + 1 : end;
  }
  return count;
}

static long cpu_directories(void) {
  long count = 0;
  DIR *dir = opendir("/sys/devices/system/cpu");
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    if (strncmp(entry->d_name, "cpu", 3) == 0 && entry->d_name[3] >= '0' && entry->d_name[3] <= '9') count++;
  }
  if (dir) closedir(dir);
  return count;
}

int main(void) {
  struct statfs fs;
  OK(statfs("/sys", &fs) == 0 && fs.f_type == 0x62656572);
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  OK(in_list(slurp("/sys/devices/system/cpu/online")) == online);
  OK(in_list(slurp("/sys/devices/system/cpu/possible")) >= online && in_list(slurp("/sys/devices/system/cpu/present")) >= online);
  OK(cpu_directories() >= online);
  OK(*slurp("/sys/devices/system/cpu/cpu0/topology/core_id") == '0');
  OK(*slurp("/sys/devices/system/cpu/cpu0/topology/thread_siblings") != 0);
  OK(*slurp("/sys/devices/system/cpu/cpu0/topology/core_cpus_list") == '0');
  OK(*slurp("/sys/devices/system/node/online") == '0');
  OK(strstr(slurp("/sys/devices/system/node/node0/meminfo"), "Node 0 MemTotal:") != NULL);
  OK(strchr(slurp("/sys/kernel/mm/transparent_hugepage/enabled"), '[') != NULL);
  OK(strcmp(slurp("/sys/class/net/lo/mtu"), "65536\n") == 0);
  OK(strcmp(slurp("/sys/class/net/lo/type"), "772\n") == 0);
  char link[200] = "";
  OK(readlink("/sys/class/net/lo", link, sizeof link - 1) > 0 && strcmp(link, "../../devices/virtual/net/lo") == 0);
  OK(access("/sys/block", F_OK) == 0 && access("/sys/fs/cgroup", F_OK) == 0 && access("/sys/no-such", F_OK) != 0);
  struct stat st;
  OK(stat("/sys/devices/system/cpu/online", &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0444);
  OK(open("/sys/devices/system/cpu/new", O_CREAT | O_WRONLY, 0600) < 0);
  puts("done");
}
