// guest: needs=root
// What su, sudo and login do with /proc/PID: loginuid and sessionid, oom_score_adj, and truncation of files of /proc.
#include "t.h"

static int put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -1;
  int result = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

static const char *get(const char *path) {
  static char text[64];
  int fd = open(path, O_RDONLY);
  ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  text[length < 0 ? 0 : length] = 0;
  text[strcspn(text, "\n")] = 0;
  if (fd >= 0) close(fd);
  return text;
}

#define LOGIN "/proc/self/loginuid"
#define SCORE "/proc/self/oom_score_adj"

static int inChild(int (*body)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int keepsLogin(void) {
  OK(strcmp(get(LOGIN), "1234") == 0);
  OK(setuid(65534) == 0);
  OK(strcmp(get(LOGIN), "1234") == 0);
  return failures;
}

static int mayNotChange(void) {
  OK(setresuid(65534, 65534, 65534) == 0);
  // The file still belongs to root unless the process may be dumped.
  prctl(PR_SET_DUMPABLE, 1);
  OK(put(LOGIN, "77") == -1 && errno == EPERM);
  return failures;
}

static int ofAnother(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/loginuid", getppid());
  OK(put(path, "77") == -1 && errno == EPERM);
  return failures;
}

static int logIn(void) {
  OK(put(LOGIN, "1234") == 0);
  char session[64];
  strcpy(session, get("/proc/self/sessionid"));
  OK(strcmp(session, "4294967295") != 0);
  OK(inChild(keepsLogin) == 0);
  OK(inChild(mayNotChange) == 0);
  OK(inChild(ofAnother) == 0);
  OK(put(LOGIN, "1x") == -1 && errno == EINVAL);
  OK(put(LOGIN, "-1") == -1 && errno == EINVAL);
  OK(strcmp(get("/proc/self/sessionid"), session) == 0);
  // As pam_loginuid does it: read, seek, truncate, write.
  char text[16];
  int fd = open(LOGIN, O_RDWR | O_NOFOLLOW);
  OK(read(fd, text, sizeof text) == 4);
  OK(lseek(fd, 0, SEEK_SET) == 0);
  OK(ftruncate(fd, 0) == 0);
  OK(write(fd, "5", 1) == 1);
  close(fd);
  OK(strcmp(get(LOGIN), "5") == 0);
  return failures;
}

static int lowersScore(void) {
  OK(setresuid(65534, 65534, 65534) == 0);
  prctl(PR_SET_DUMPABLE, 1);
  R(put(SCORE, "500"));
  printf("%s\n", get(SCORE));
  R(put(SCORE, "100"));
  // The score that somebody with CAP_SYS_RESOURCE gave is the lowest for all others.
  if (prctl(PR_CAPBSET_READ, 24) == 1) OK(put(SCORE, "50") == -1 && errno == EACCES);
  R(put(SCORE, "1001"));
  R(put(SCORE, "x"));
  printf("%s\n", get(SCORE));
  return failures;
}

int main(void) {
  if (access(LOGIN, F_OK) == 0) inChild(logIn);
  R(put(SCORE, "100"));
  R(inChild(lowersScore));
  printf("%s\n", get(SCORE));
  int fd = open("/proc/self/status", O_RDONLY);
  R(ftruncate(fd, 0));
  fd = open("/proc/self/comm", O_RDWR);
  R(ftruncate(fd, 100));
  R(write(fd, "renamed", 7));
  printf("%s\n", get("/proc/self/comm"));
  return failures != 0;
}
