// guest: needs=root
// Ids of processes in a nested pid namespace where terminals, locks, owners of files and System V IPC name them.
#include "t.h"
#include <pty.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static char file[] = "/tmp/guest-namespaces-pids-XXXXXX";

static int inner(int fd) {
  int master, slave, id = -1;
  OK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
  R(getpid());
  R(setsid());
  R(ioctl(slave, TIOCSCTTY, 0));
  R(ioctl(slave, TIOCGPGRP, &id));
  R(id);
  R(ioctl(slave, TIOCGSID, &id));
  R(id);
  R(tcgetsid(slave));
  int go[2];
  OK(pipe(go) == 0);
  pid_t child = fork();
  if (child == 0) {
    char c;
    setpgid(0, 0);
    OK(read(go[0], &c, 1) == 0 || 1);
    _exit(0);
  }
  close(go[0]);
  OK(setpgid(child, child) == 0 || errno == EACCES);
  R(child);
  signal(SIGTTOU, SIG_IGN);
  R(tcsetpgrp(slave, child));
  R(tcgetpgrp(slave));
  R(tcsetpgrp(slave, 77));
  R(tcsetpgrp(slave, 1));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  struct flock l = {.l_type = F_WRLCK, .l_len = 4};
  R(fcntl(fd, F_GETLK, &l));
  printf("held by %d\n", l.l_pid);
  struct flock own = {.l_type = F_WRLCK, .l_start = 10, .l_len = 4};
  R(fcntl(fd, F_SETLK, &own));
  child = fork();
  if (child == 0) {
    struct flock seen = {.l_type = F_WRLCK, .l_start = 10, .l_len = 4};
    R(fcntl(fd, F_GETLK, &seen));
    printf("held by %d\n", seen.l_pid);
    _exit(0);
  }
  reap("child", child);
  R(fcntl(go[1], F_SETOWN, getpid()));
  R(fcntl(go[1], F_GETOWN));
  R(fcntl(go[1], F_SETOWN, -1));
  R(fcntl(go[1], F_GETOWN));
  R(fcntl(go[1], F_SETOWN, 99));
  int shm = shmget(IPC_PRIVATE, 4096, 0600), sem = semget(IPC_PRIVATE, 1, 0600), msg = msgget(IPC_PRIVATE, 0600);
  struct shmid_ds s;
  OK(shmctl(shm, IPC_STAT, &s) == 0);
  R(s.shm_cpid);
  struct { long type; char text[4]; } m = {1, "abc"};
  OK(msgsnd(msg, &m, 4, 0) == 0);
  struct msqid_ds q;
  OK(msgctl(msg, IPC_STAT, &q) == 0);
  R(q.msg_lspid);
  OK(semctl(sem, 0, SETVAL, 1) == 0);
  R(semctl(sem, 0, GETPID));
  shmctl(shm, IPC_RMID, NULL), semctl(sem, 0, IPC_RMID), msgctl(msg, IPC_RMID, NULL);
  return failures;
}

int main(void) {
  int fd = mkstemp(file);
  OK(fd >= 0 && unlink(file) == 0);
  struct flock l = {.l_type = F_WRLCK, .l_len = 4};
  OK(fcntl(fd, F_SETLK, &l) == 0);
  R(unshare(CLONE_NEWPID));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) _exit(inner(fd));
  reap("inner", child);
  return done();
}
