// guest: needs=root
// POSIX message queues: names and rights, priorities, limits, waiting with deadlines, poll, notification, what read(2) tells.
#include "t.h"
#include <grp.h>
#include <mqueue.h>
static volatile int told, toldCode, toldValue;
static void onSignal(int s, siginfo_t *i, void *c) { told++; toldCode = i->si_code; toldValue = i->si_value.sival_int; }
static struct timespec in(long ms) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += ms * 1000000;
  t.tv_sec += t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int threadTold;
static void onMessage(union sigval v) { threadTold = v.sival_int; pthread_mutex_unlock(&lock); }
int main(void) {
  // Names are the host's when it runs natively: others may run the same test.
  char name[40], other[40];
  sprintf(name, "/skas-test-%d", getpid());
  sprintf(other, "/skas-other-%d", getpid());
  mq_unlink(name);
  R(mq_open(name, O_RDWR));
  R(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL));
  R(mq_open("/", O_RDWR | O_CREAT, 0600, NULL));
  struct mq_attr a = {.mq_maxmsg = 0, .mq_msgsize = 8};
  R(mq_open(name, O_RDWR | O_CREAT, 0600, &a));
  a.mq_maxmsg = 70000;
  R(mq_open(name, O_RDWR | O_CREAT, 0600, &a));
  a.mq_maxmsg = 3;
  umask(022);
  mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0660, &a);
  OK(q >= 0);
  R(fcntl(q, F_GETFD));
  R(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &a));
  struct stat st;
  OK(fstat(q, &st) == 0);
  printf("mode %o size %d\n", st.st_mode, (int)st.st_size);
  memset(&a, 0, sizeof a);
  R(mq_getattr(q, &a));
  printf("flags %ld maxmsg %ld msgsize %ld cur %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
  R(mq_send(q, "low", 3, 1));
  R(mq_send(q, "high", 4, 9));
  R(mq_send(q, "low2", 4, 1));
  R(mq_send(q, "far too long", 12, 1));
  R(mq_send(q, "x", 1, 32768));
  struct timespec t = in(20);
  R(mq_timedsend(q, "full", 4, 0, &t));
  char text[128];
  unsigned prio;
  R(mq_receive(q, text, 4, &prio));
  struct pollfd p = {q, POLLIN | POLLOUT, 0};
  R(poll(&p, 1, 0));
  printf("revents %x\n", p.revents);
  for (int i = 0; i < 3; i++) {
    long n = mq_receive(q, text, sizeof text, &prio);
    printf("%.*s priority %u\n", (int)n, text, prio);
  }
  t = in(20);
  R(mq_timedreceive(q, text, sizeof text, NULL, &t));
  t.tv_nsec = -1;
  R(mq_timedreceive(q, text, sizeof text, NULL, &t));
  a.mq_flags = O_NONBLOCK;
  R(mq_setattr(q, &a, NULL));
  R(mq_receive(q, text, sizeof text, NULL));
  a.mq_flags = 1;
  R(mq_setattr(q, &a, NULL));
  a.mq_flags = 0;
  R(mq_setattr(q, &a, &a));
  printf("was %lx\n", a.mq_flags);
  mqd_t readOnly = mq_open(name, O_RDONLY);
  R(mq_send(readOnly, "x", 1, 0));
  R(mq_receive(1, text, sizeof text, NULL));
  // A waiter in another process.
  pid_t child = fork();
  if (child == 0) { long n = mq_receive(q, text, sizeof text, &prio); _exit(n == 5 && memcmp(text, "hello", 5) == 0 ? 7 : 99); }
  sleepMs(20);
  R(mq_send(q, "hello", 5, 3));
  reap("receiver", child);
  // Notification: once, when the empty queue gets a message and nobody waits.
  struct sigaction sa = {.sa_sigaction = onSignal, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGUSR1, &sa, NULL);
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  R(mq_notify(q, &e));
  R(mq_notify(q, &e));
  child = fork();
  if (child == 0) { R(mq_notify(q, &e)); R(mq_notify(q, NULL)); mq_send(q, "one", 3, 0); mq_send(q, "two", 3, 0); _exit(0); }
  reap("sender", child);
  printf("told %d code %d value %d\n", told, toldCode, toldValue);
  e.sigev_notify = SIGEV_NONE;
  R(mq_notify(q, &e));
  char status[100] = "";
  OK(pread(q, status, sizeof status - 1, 0) > 0);
  printf("%.27s\n", status);
  R(mq_notify(q, NULL));
  while (mq_getattr(q, &a) == 0 && a.mq_curmsgs) mq_receive(q, text, sizeof text, NULL);
  e.sigev_notify = SIGEV_THREAD;
  e.sigev_notify_function = onMessage;
  e.sigev_notify_attributes = NULL;
  e.sigev_value.sival_int = 5;
  pthread_mutex_lock(&lock);
  R(mq_notify(q, &e));
  R(mq_send(q, "wake", 4, 0));
  pthread_mutex_lock(&lock);
  printf("thread told %d\n", threadTold);
  R(mq_notify(q, NULL));
  e.sigev_notify = 9;
  R(mq_notify(q, &e));
  child = fork();
  if (child == 0) {
    OK(setgroups(0, NULL) == 0 && setresgid(12345, 12345, 12345) == 0 && setresuid(12345, 12345, 12345) == 0);
    R(mq_open(name, O_RDWR));
    R(mq_unlink(name));
    a.mq_maxmsg = 11;
    a.mq_msgsize = 8;
    R(mq_open(other, O_RDWR | O_CREAT, 0600, &a));
    setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit){1000, 1000});
    a.mq_maxmsg = 10;
    a.mq_msgsize = 100;
    R(mq_open(other, O_RDWR | O_CREAT, 0600, &a));
    _exit(0);
  }
  reap("another user", child);
  R(mq_unlink(name));
  R(mq_unlink(name));
  R(mq_send(q, "still", 5, 0));
  R(mq_close(q));
  R(mq_close(q));
  return done();
}
