// guest: needs=root
// System V IPC: keys, ids and rights; shared memory between processes and its end; semaphores with undo, waiting and removal; messages.
#include "t.h"
#include <grp.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

// Keys are the host's when it runs natively: others may run the same test.
static key_t keyBase;
union semun { int val; struct semid_ds *buf; unsigned short *array; };
static long semctl4(int id, int num, int cmd, long arg) { return syscall(SYS_semctl, id, num, cmd, arg); }
static int op1(int id, int num, int op, int flg) { struct sembuf b = {num, op, flg}; return semop(id, &b, 1); }
static void asUser(void) { OK(setgroups(0, NULL) == 0); OK(setresgid(12345, 12345, 12345) == 0); OK(setresuid(12345, 12345, 12345) == 0); }

static void sharedMemory(void) {
  key_t key = keyBase + 1;
  R(shmget(key, 4096, 0600));
  int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0640);
  OK(id >= 0);
  R(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600));
  R(shmget(key, 20000, 0));
  R(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600));
  OK(shmget(key, 0, 0) == id);
  char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
  OK(a != (void *)-1 && b != (void *)-1 && a != b);
  strcpy(a + 9000, "seen twice");
  printf("%s\n", b + 9000);
  R((long)shmat(id, a + 1, 0));
  R((long)shmat(id, a, 0));
  R((long)shmat(id, NULL, SHM_REMAP));
  R((long)shmat(-1, NULL, 0));
  pid_t p = fork();
  if (p == 0) {
    struct shmid_ds ds;
    shmctl(id, IPC_STAT, &ds);
    printf("child: nattch %d\n", (int)ds.shm_nattch);
    strcpy(a, "from the child");
    _exit(0);
  }
  reap("shm child", p);
  struct shmid_ds ds;
  R(shmctl(id, IPC_STAT, &ds));
  printf("%s; size %d mode %o nattch %d own key %d cpid %d lpid %d\n", a, (int)ds.shm_segsz, ds.shm_perm.mode, (int)ds.shm_nattch,
         ds.shm_perm.__key == key, ds.shm_cpid == getpid(), ds.shm_lpid == p);
  OK(mprotect(a + 4096, 4096, PROT_READ) == 0);
  shmctl(id, IPC_STAT, &ds);
  printf("split: nattch %d\n", (int)ds.shm_nattch);
  R(mprotect(b, 4096, PROT_WRITE));
  R(shmdt(a + 4096));
  R(shmdt(a));
  R(shmdt(a));
  OK((char *)shmat(id, a, 0) == a);
  OK((char *)shmat(id, a + 100, SHM_RND | SHM_REMAP) == a);
  ds.shm_perm.mode = 0600;
  R(shmctl(id, IPC_SET, &ds));
  R(shmctl(id, SHM_LOCK, NULL));
  shmctl(id, IPC_STAT, &ds);
  printf("locked mode %o\n", ds.shm_perm.mode);
  R(shmctl(id, SHM_UNLOCK, NULL));
  p = fork();
  if (p == 0) {
    asUser();
    R((long)shmat(id, NULL, 0));
    R(shmget(key, 0, 0400));
    R(shmctl(id, IPC_STAT, &ds));
    R(shmctl(id, IPC_RMID, NULL));
    R(shmctl(id, SHM_LOCK, NULL));
    _exit(0);
  }
  reap("no right", p);
  R(shmctl(id, IPC_RMID, NULL));
  R(shmget(key, 0, 0));
  shmctl(id, IPC_STAT, &ds);
  printf("removed but attached: mode %o key %x, %s\n", ds.shm_perm.mode, ds.shm_perm.__key, b);
  R(shmdt(a));
  R(shmdt(b));
  R(shmctl(id, IPC_STAT, &ds));
  R(shmctl(id, 99, NULL));
}

static void semaphores(void) {
  key_t key = keyBase + 2;
  R(semget(key, 0, IPC_CREAT | 0600));
  R(semget(key, -1, IPC_CREAT | 0600));
  int id = semget(key, 3, IPC_CREAT | 0600);
  OK(id >= 0);
  R(semget(key, 4, 0));
  unsigned short values[3] = {1, 0, 5};
  R(semctl4(id, 0, SETALL, (long)values));
  R(op1(id, 0, -1, IPC_NOWAIT));
  R(op1(id, 0, -1, IPC_NOWAIT));
  R(op1(id, 0, 0, IPC_NOWAIT));
  R(op1(id, 2, 0, IPC_NOWAIT));
  R(op1(id, 3, 1, 0));
  R(op1(id, 2, 32767, 0));
  R(semctl4(id, 1, SETVAL, 32768));
  R(semctl4(id, 3, GETVAL, 0));
  R(semop(id, NULL, 0));
  R(semop(id, NULL, 1));
  struct sembuf many[600] = {};
  R(semop(id, many, 600));
  // All or nothing.
  struct sembuf both[2] = {{2, -2, 0}, {0, -1, IPC_NOWAIT}};
  R(semop(id, both, 2));
  R(semctl4(id, 2, GETVAL, 0));
  struct timespec t = {0, 20000000}, bad = {0, 2000000000};
  R(semtimedop(id, (struct sembuf[]){{0, -1, 0}}, 1, &t));
  R(semtimedop(id, (struct sembuf[]){{0, -1, 0}}, 1, &bad));
  // A waiter is served, and its count is seen meanwhile.
  pid_t p = fork();
  if (p == 0) _exit(op1(id, 0, -2, 0) == 0 ? 3 : 4);
  while (semctl4(id, 0, GETNCNT, 0) != 1) usleep(1000);
  R(semctl4(id, 0, GETZCNT, 0));
  R(op1(id, 0, 1, 0));
  R(semctl4(id, 0, GETNCNT, 0));
  R(op1(id, 0, 2, 0));
  reap("waiter", p);
  printf("value %ld, last pid is the waiter's %d\n", semctl4(id, 0, GETVAL, 0), semctl4(id, 0, GETPID, 0) == p);
  p = fork();
  if (p == 0) _exit(op1(id, 0, 0, 0) == 0 ? 5 : 6);
  while (semctl4(id, 0, GETZCNT, 0) != 1) usleep(1000);
  R(semctl4(id, 0, SETVAL, 0));
  reap("waiter for zero", p);
  // Undo at exit, not at exec of another task; forgotten after SETVAL.
  p = fork();
  if (p == 0) { op1(id, 1, 7, SEM_UNDO); op1(id, 2, -5, SEM_UNDO); printf("inside %ld %ld\n", semctl4(id, 1, GETVAL, 0), semctl4(id, 2, GETVAL, 0)); _exit(0); }
  reap("undo", p);
  printf("undone %ld %ld\n", semctl4(id, 1, GETVAL, 0), semctl4(id, 2, GETVAL, 0));
  p = fork();
  if (p == 0) { op1(id, 1, 7, SEM_UNDO); semctl4(id, 1, SETVAL, 9); _exit(0); }
  reap("undo forgotten", p);
  R(semctl4(id, 1, GETVAL, 0));
  // Removed under a waiter; interrupted.
  p = fork();
  if (p == 0) _exit(op1(id, 0, -1, 0) ? errno : 0);
  while (semctl4(id, 0, GETNCNT, 0) != 1) usleep(1000);
  struct semid_ds ds;
  R(semctl4(id, 0, IPC_STAT, (long)&ds));
  printf("mode %o nsems %d otime %d\n", ds.sem_perm.mode, (int)ds.sem_nsems, ds.sem_otime > 0);
  R(semctl4(id, 0, IPC_RMID, 0));
  reap("removed", p);
  R(op1(id, 0, -1, 0));
  id = semget(IPC_PRIVATE, 1, 0600);
  struct sigaction sa = {.sa_handler = (void (*)(int))abs, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &sa, NULL);
  setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 30000}}, NULL);
  R(op1(id, 0, -1, 0));
  p = fork();
  if (p == 0) { asUser(); R(op1(id, 0, 1, 0)); R(semctl4(id, 0, GETVAL, 0)); R(semctl4(id, 0, IPC_RMID, 0)); _exit(0); }
  reap("no right", p);
  R(semctl4(id, 0, IPC_RMID, 0));
}

struct msg { long type; char text[64]; };
static long put(int id, long type, const char *text) { struct msg m = {type}; strcpy(m.text, text); return msgsnd(id, &m, strlen(text), IPC_NOWAIT); }
static void take(int id, long type, int size, int flags) {
  struct msg m = {};
  errno = 0;
  long n = msgrcv(id, &m, size, type, flags | IPC_NOWAIT);
  if (n < 0) printf("msgrcv type %ld: %s\n", type, strerrorname_np(errno));
  else printf("msgrcv type %ld: %ld %ld %.*s\n", type, n, m.type, (int)n, m.text);
}

static void messages(void) {
  int id = msgget(keyBase + 3, IPC_CREAT | 0600);
  OK(id >= 0);
  R(msgget(keyBase + 3, IPC_CREAT | IPC_EXCL | 0600));
  R(put(id, 0, "zero"));
  R(put(id, -1, "minus"));
  for (int i = 1; i <= 5; i++) { char text[16]; sprintf(text, "text %d", i); OK(put(id, 6 - i, text) == 0); }
  take(id, 3, 64, 0);
  take(id, 3, 64, 0);
  take(id, -4, 64, 0);
  take(id, 5, 64, MSG_EXCEPT);
  take(id, 0, 3, 0);
  take(id, 1, 64, MSG_COPY);
  take(id, 7, 64, MSG_COPY);
  take(id, 0, 64, MSG_COPY | MSG_EXCEPT);
  take(id, 0, 3, MSG_NOERROR);
  struct msqid_ds ds;
  R(msgctl(id, IPC_STAT, &ds));
  printf("qnum %d cbytes %d lspid %d lrpid %d\n", (int)ds.msg_qnum, (int)ds.__msg_cbytes, ds.msg_lspid == getpid(), ds.msg_lrpid == getpid());
  take(id, 0, 64, 0);
  take(id, 0, 64, 0);
  struct msg m;
  R(msgrcv(id, &m, -1, 0, IPC_NOWAIT));
  R(msgsnd(id, &m, 100000, IPC_NOWAIT));
  R(msgsnd(id, (void *)8, 1, IPC_NOWAIT));
  ds.msg_qbytes = 10;
  R(msgctl(id, IPC_SET, &ds));
  R(put(id, 1, "0123456789"));
  R(put(id, 1, "x"));
  pid_t p = fork();
  if (p == 0) { struct msg w = {2, "waits"}; _exit(msgsnd(id, &w, 5, 0) ? errno : 0); }
  sleepMs(20);
  take(id, 1, 64, 0);
  reap("sender", p);
  take(id, 2, 64, 0);
  p = fork();
  if (p == 0) { struct msg w; if (msgrcv(id, &w, 64, 9, 0) != 4 || memcmp(w.text, "late", 4)) _exit(99); _exit(msgrcv(id, &w, 64, 9, 0) < 0 ? errno : 0); }
  sleepMs(20);
  put(id, 9, "late");
  do { sleepMs(5); msgctl(id, IPC_STAT, &ds); } while (ds.msg_qnum);
  sleepMs(20);
  R(msgctl(id, IPC_RMID, NULL));
  reap("receiver", p);
  R(put(id, 1, "gone"));
  R(msgctl(id, IPC_STAT, &ds));
}

int main(void) {
  keyBase = getpid() << 8;
  sharedMemory();
  semaphores();
  messages();
  FILE *f = fopen("/proc/sys/kernel/msgmax", "r");
  int max = 0;
  OK(f && fscanf(f, "%d", &max) == 1);
  printf("msgmax %d\n", max);
  char head[200] = "";
  f = fopen("/proc/sysvipc/sem", "r");
  OK(f && fgets(head, sizeof head, f));
  printf("%s", head);
  return done();
}
