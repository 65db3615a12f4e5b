// Leases: who may have one, what breaks it, who is told how, and who waits for whom.
#include "t.h"

static int openFile(int flags) {
  int fd = open("leased", flags | O_CREAT, 0644);
  OK(fd >= 0);
  return fd;
}

static void setting(void) {
  int reader = openFile(O_RDONLY), directory = open(".", O_RDONLY), tube[2];
  OK(pipe(tube) == 0);
  R(fcntl(reader, F_GETLEASE));
  R(fcntl(reader, F_SETLEASE, F_UNLCK));
  R(fcntl(reader, F_SETLEASE, 7));
  R(fcntl(directory, F_SETLEASE, F_RDLCK));
  R(fcntl(tube[0], F_SETLEASE, F_RDLCK));
  R(fcntl(reader, F_SETLEASE, F_RDLCK));
  R(fcntl(reader, F_GETLEASE));
  R(fcntl(dup(reader), F_GETLEASE)); // of the open file
  int second = openFile(O_RDONLY);
  R(fcntl(second, F_GETLEASE));
  R(fcntl(second, F_SETLEASE, F_RDLCK));
  R(fcntl(second, F_SETLEASE, F_WRLCK));
  close(second);
  R(fcntl(reader, F_SETLEASE, F_WRLCK));
  R(fcntl(reader, F_SETLEASE, F_UNLCK));
  R(fcntl(reader, F_GETLEASE));
  for (int fd = 3; fd < 20; fd++) close(fd);
  int writer = openFile(O_RDWR);
  R(fcntl(writer, F_SETLEASE, F_RDLCK));
  R(fcntl(writer, F_SETLEASE, F_WRLCK));
  R(fcntl(writer, F_GETLEASE));
  R(fcntl(writer, F_SETLEASE, F_UNLCK));
  reader = openFile(O_RDONLY);
  R(fcntl(writer, F_SETLEASE, F_WRLCK));
  R(fcntl(reader, F_SETLEASE, F_RDLCK));
  close(reader), close(writer);
}

static void others(void) {
  chmod("leased", 0666);
  if (getuid() == 0) {
    pid_t child = fork();
    if (child == 0) {
      OK(setresuid(4321, 4321, 4321) == 0);
      R(fcntl(open("leased", O_RDONLY), F_SETLEASE, F_RDLCK));
      _exit(failures);
    }
    reap("stranger", child);
  } else {
    printf("fcntl(open(\"leased\", O_RDONLY), F_SETLEASE, F_RDLCK) = -1 EACCES\nstranger: exited 0\n");
  }
}

// A child does `breaks` while `lease` is held; its holder is told and gives way with `answer`.
static void broken(const char *what, int lease, int (*breaks)(void), int answer) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGIO);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = openFile(O_RDONLY);
  OK(fcntl(fd, F_SETSIG, SIGRTMIN) == 0 && fcntl(fd, F_SETLEASE, lease) == 0);
  pid_t child = fork();
  if (child == 0) {
    close(fd);
    _exit(breaks());
  }
  siginfo_t info;
  OK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_fd == fd && info.si_code == POLL_MSG);
  printf("-- %s: now %d\n", what, fcntl(fd, F_GETLEASE));
  if (answer == F_RDLCK) R(fcntl(fd, F_SETLEASE, F_RDLCK));
  if (answer == F_UNLCK) R(fcntl(fd, F_SETLEASE, F_UNLCK));
  if (answer < 0) close(fd);
  reap("breaker", child);
  if (answer >= 0) R(fcntl(fd, F_GETLEASE));
  close(fd);
}

static int reads(void) { return open("leased", O_RDONLY) < 0; }
static int writes(void) { return open("leased", O_WRONLY) < 0; }
static int cuts(void) { return truncate("leased", 5); }

static void without(void) {
  int fd = openFile(O_RDONLY);
  signal(SIGIO, SIG_IGN);
  OK(fcntl(fd, F_SETLEASE, F_RDLCK) == 0);
  R(close(open("leased", O_RDONLY)));
  R(open("leased", O_WRONLY | O_NONBLOCK));
  R(fcntl(fd, F_GETLEASE));
  R(open("leased", O_RDWR | O_NONBLOCK));
  R(close(open("leased", O_PATH)));
  R(chmod("leased", 0600));
  R(rename("leased", "moved"));
  R(unlink("moved"));
  close(fd);
}

int main(void) {
  setting();
  others();
  broken("write lease, reader", F_WRLCK, reads, F_RDLCK);
  broken("write lease, reader, given up", F_WRLCK, reads, F_UNLCK);
  broken("write lease, writer", F_WRLCK, writes, F_UNLCK);
  broken("read lease, writer, closed", F_RDLCK, writes, -1);
  broken("read lease, truncated", F_RDLCK, cuts, F_UNLCK);
  without();
  return done();
}
