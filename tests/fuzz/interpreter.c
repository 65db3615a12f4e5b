// Runs scripts of system calls and prints what each answered, in a form that is the same on every Linux.
//
// Standard input: for each script a line `S COUNT`, then COUNT lines `CALL A B C D`; CALL names a line of the table below by its
// number modulo the table's length, A..D choose its arguments from small pools. Each script runs in a process and folder of its own.
// Only calls that can do no harm to the machine natively are here, and none that waits without an end.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 12, OUT = 60, ARENA_PAGES = 32, PAGE = 4096, BUFFER = 8192, MAX_LINES = 4096, SCRIPT_SECONDS = 20 };
#define ARENA ((char *)0x10000000)

static int slots[SLOTS];
static unsigned char buffer[BUFFER];
static int lines[MAX_LINES][5], line_count, at;
static volatile int handled;
static sigjmp_buf back;

static const char *const paths[] = {"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "l/a", ".", "..", "", "a/a", "d/", "missing/a"};
static const char *path(int n) { return paths[n % 16]; }
static int slot(int n) { return n % 16 < SLOTS ? slots[n % 16] : n % 16 == 12 ? -1 : n % 16 == 13 ? 59 : slots[0]; }
static long put(long fd, int n) {
  if (fd >= 0) slots[n % SLOTS] = (int)fd;
  return fd;
}
#define PICK(n, ...) ({ const long pool_[] = {__VA_ARGS__}; pool_[(n) % (int)(sizeof pool_ / sizeof *pool_)]; })
static long length(int n) { return PICK(n, 0, 1, 7, 100, 4095, 4096, 4097, 8192); }
static long offset(int n) { return PICK(n, 0, 1, 5, 4095, 4096, 5000, 20000, -1, 70000); }
static int sig(int n) { return (int)PICK(n, SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH, SIGPIPE, SIGRTMIN, SIGRTMIN + 3, SIGURG); }
static char *arena(int n) { return ARENA + n % ARENA_PAGES * PAGE; }
static size_t pages(int n) { return (size_t)PICK(n, 1, 1, 2, 3, 5, 8, 32, 0) * PAGE; }
static int prot(int n) { return (int)PICK(n, PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE); }
static sigset_t set_of(int n) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < 8; i++) if (n >> i & 1) sigaddset(&set, sig(i));
  return set;
}
static uint32_t hash(const void *data, long bytes) {
  uint32_t h = 2166136261u;
  for (long i = 0; i < bytes; i++) h = (h ^ ((const unsigned char *)data)[i]) * 16777619u;
  return h;
}
static void fill(int n) { for (int i = 0; i < BUFFER; i++) buffer[i] = (unsigned char)(n + i * 7); }

static char note[400];
#define NOTE(...) snprintf(note + strlen(note), sizeof note - strlen(note), " " __VA_ARGS__)
static void note_data(long bytes) { if (bytes > 0) NOTE("#%08x", hash(buffer, bytes > BUFFER ? BUFFER : bytes)); }
static long note_stat(long result, const struct stat *s) {
  if (result == 0) {
    NOTE("%o", s->st_mode);
    if (S_ISREG(s->st_mode)) NOTE("links %lu size %ld", (unsigned long)s->st_nlink, (long)s->st_size);
    if (S_ISLNK(s->st_mode)) NOTE("size %ld", (long)s->st_size);
  }
  return result;
}
static long address(void *result) { return result == MAP_FAILED ? -1 : (char *)result - ARENA; }

static void on_signal(int s) { handled += s; }
static void on_fault(int s) { siglongjmp(back, s); }
static void set_handler(int s, void (*handler)(int), int flags) {
  struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
  sigaction(s, &sa, NULL);
}
static long touch(char *where, bool store) {
  set_handler(SIGSEGV, on_fault, SA_NODEFER);
  set_handler(SIGBUS, on_fault, SA_NODEFER);
  int fault = sigsetjmp(back, 1);
  if (fault) return 1000 + fault;
  if (store) *(volatile char *)where = (char)(at + 1);
  return *(volatile unsigned char *)where;
}
static long change_mode(int fd, mode_t mode) {
  struct stat s;
  if (fstat(fd, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode)) return -2; // differs from version to version
  return fchmod(fd, mode);
}
// False for writes whose answer differs from version to version: more than 8 bytes to an eventfd, and the order of errors of sockets
// that are not connected.
static bool takes(int fd, long bytes) {
  struct stat s;
  struct sockaddr_un peer;
  socklen_t size = sizeof peer;
  if (fstat(fd, &s) != 0) return true;
  if (S_ISSOCK(s.st_mode)) return getpeername(fd, (void *)&peer, &size) == 0;
  return (s.st_mode & S_IFMT) != 0 || bytes == 8;
}
static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static long list(const char *folder) {
  DIR *dir = opendir(folder);
  char *names[64];
  int count = 0;
  if (!dir) return -1;
  for (struct dirent *entry; count < 64 && (entry = readdir(dir));) names[count++] = strdup(entry->d_name);
  closedir(dir);
  qsort(names, (size_t)count, sizeof *names, by_name);
  for (int i = 0; i < count; i++) NOTE("%s", names[i]);
  return count;
}
static struct sockaddr_un unix_address(int n) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  snprintf(a.sun_path, sizeof a.sun_path, "s%d", n % 3);
  return a;
}
static long poll_all(int events) {
  struct pollfd p[SLOTS];
  for (int i = 0; i < SLOTS; i++) p[i] = (struct pollfd){slots[i], (short)events, 0};
  long result = poll(p, SLOTS, 0);
  for (int i = 0; i < SLOTS; i++) if (slots[i] >= 0) NOTE("%x", p[i].revents);
  return result;
}
static long send_descriptor(int socket, int passed) {
  char byte = 'x', control[CMSG_SPACE(sizeof(int))] = "";
  struct iovec part = {&byte, 1};
  struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  memcpy(CMSG_DATA(c), &passed, sizeof passed);
  return sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}
static long receive(int socket, int n, int into, int flags) {
  char control[CMSG_SPACE(sizeof(int))] = "";
  struct iovec parts[2] = {{buffer, (size_t)length(n)}, {buffer + 4096, 100}};
  struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof control};
  if (parts[0].iov_len > 4096) parts[0].iov_len = 4096;
  memset(buffer, 0, BUFFER);
  long result = recvmsg(socket, &m, MSG_DONTWAIT | flags);
  if (result < 0) return result;
  note_data(BUFFER);
  NOTE("flags %x", m.msg_flags);
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  if (c && c->cmsg_type == SCM_RIGHTS) {
    int fd;
    memcpy(&fd, CMSG_DATA(c), sizeof fd);
    NOTE("fd %d", fd);
    put(fd, into);
  }
  return result;
}
static long timer_left(int fd) {
  struct itimerspec t;
  long result = timerfd_gettime(fd, &t);
  if (result == 0) NOTE("%d %ld", t.it_value.tv_sec > 0 || t.it_value.tv_nsec > 0, (long)t.it_interval.tv_sec);
  return result;
}
static long pending(void) {
  sigset_t set;
  long result = sigpending(&set);
  for (int i = 0; i < 8; i++) NOTE("%d", sigismember(&set, sig(i)));
  return result;
}
static long wait_signal(int n) {
  sigset_t set = set_of(n);
  siginfo_t info;
  struct timespec none = {0, 0};
  long result = sigtimedwait(&set, &info, &none);
  if (result > 0) NOTE("code %d", info.si_code);
  return result;
}
static long pipe_into(int a, int b, int flags) {
  int fds[2];
  long result = pipe2(fds, flags);
  if (result == 0) NOTE("%d %d", fds[0], fds[1]), put(fds[0], a), put(fds[1], b);
  return result;
}
static long pair_into(int a, int b, int type) {
  int fds[2];
  long result = socketpair(AF_UNIX, type, 0, fds);
  if (result == 0) NOTE("%d %d", fds[0], fds[1]), put(fds[0], a), put(fds[1], b);
  return result;
}
static long futex(uint32_t *word, int op, uint32_t value, uint32_t value2, uint32_t *word2, uint32_t value3) {
  struct timespec none = {0, 0};
  bool waits = (op & 127) == FUTEX_WAIT || (op & 127) == FUTEX_WAIT_BITSET;
  return syscall(SYS_futex, word, op, value, waits ? (void *)&none : (void *)(long)value2, word2, value3);
}
static long run_line(void);
// The next lines run in a child, which ends with `code`; the parent waits for it and goes on behind them.
static long in_child(int count, int code) {
  int status = 0, end = at + 1 + count % 6;
  if (end > line_count) end = line_count;
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    note[0] = 0;
    while (++at < end) run_line();
    _exit(code);
  }
  long result = waitpid(child, &status, 0) == child ? 0 : -1;
  NOTE("status %x", status);
  at = end - 1;
  return result;
}
static long seal(int fd, int n) {
  long result = fcntl(fd, F_ADD_SEALS, PICK(n, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_SEAL, 0x80));
  NOTE("%d", fcntl(fd, F_GET_SEALS));
  return result;
}
static long lock(int fd, int n, int m, bool of_description) {
  struct flock l = {.l_type = (short)(m & 64 ? n & 1 : PICK(n, F_RDLCK, F_WRLCK, F_UNLCK)), .l_start = offset(m % 6), .l_len = m % 4 * 100};
  if (m & 64) {
    long result = fcntl(fd, of_description ? F_OFD_GETLK : F_GETLK, &l);
    if (result == 0) NOTE("type %d start %ld len %ld", l.l_type, (long)l.l_start, (long)l.l_len);
    return result;
  }
  return fcntl(fd, of_description ? F_OFD_SETLK : F_SETLK, &l);
}
static long epoll_look(int fd) {
  struct epoll_event events[SLOTS];
  long result = epoll_wait(fd, events, SLOTS, 0);
  unsigned sum = 0; // in whatever order
  for (int i = 0; i < result; i++) sum += (events[i].events + 1) * (events[i].data.u32 + 7);
  NOTE("%u", sum);
  return result;
}
static long map(int a, int b, int c, int d) {
  int flags = (int)PICK(d, MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED);
  struct stat s; // a file that refuses leaves the old mapping or not, from version to version
  if (!(flags & MAP_ANONYMOUS) && fstat(slot(d >> 2), &s) == 0 && !S_ISREG(s.st_mode)) return -2;
  return address(mmap(arena(a), pages(b), prot(c), flags | MAP_FIXED, slot(d >> 2), (c >> 2) % 3 * PAGE));
}
static long socket_option(int fd, int n) {
  int value = -1;
  socklen_t size = sizeof value;
  long result = getsockopt(fd, SOL_SOCKET, (int)PICK(n, SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_PASSCRED), &value, &size);
  if (result == 0) NOTE("%d", value);
  return result;
}
static long socket_name(int fd, bool peer) {
  struct sockaddr_un name = {0};
  socklen_t size = sizeof name;
  long result = peer ? getpeername(fd, (void *)&name, &size) : getsockname(fd, (void *)&name, &size);
  if (result == 0) NOTE("%u %s", size, size > 2 ? name.sun_path : "");
  return result;
}

struct call { const char *name; long (*run)(int a, int b, int c, int d); };
#define C(name, ...) static long c_##name(int a, int b, int c, int d) { return (long)(__VA_ARGS__); }
#include "calls.h"
#undef C
#define C(name, ...) {#name, c_##name},
static const struct call calls[] = {
#include "calls.h"
};
enum { CALLS = sizeof calls / sizeof *calls };

static long run_line(void) {
  const int *l = lines[at];
  const struct call *call = &calls[l[0] % CALLS];
  char text[600];
  int mine = at;
  note[0] = 0;
  handled = 0;
  errno = 0;
  long result = call->run(l[1], l[2], l[3], l[4]);
  int error = errno;
  if (handled) NOTE("signals %d", handled);
  int size = result == -1 ? snprintf(text, sizeof text, "%d %s = %s%s\n", mine, call->name, strerrorname_np(error), note)
                          : snprintf(text, sizeof text, "%d %s = %ld%s\n", mine, call->name, result, note);
  if (write(OUT, text, (size_t)size) != size) _exit(3);
  return result;
}

static void run_script(void) {
  struct rlimit files = {64, 64}, size = {1 << 20, 1 << 20};
  setrlimit(RLIMIT_NOFILE, &files);
  setrlimit(RLIMIT_FSIZE, &size);
  signal(SIGXFSZ, SIG_IGN);
  for (int i = 0; i < 8; i++) set_handler(sig(i), on_signal, SA_RESTART);
  alarm(SCRIPT_SECONDS);
  umask(022);
  for (int i = 0; i < SLOTS; i++) slots[i] = -1;
  mmap(ARENA, (ARENA_PAGES + 40) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  for (at = 0; at < line_count; at++) run_line();
  _exit(0);
}

static bool read_script(void) {
  if (scanf(" S %d", &line_count) != 1 || line_count > MAX_LINES) return false;
  for (int i = 0; i < line_count; i++)
    for (int j = 0; j < 5; j++) if (scanf("%d", &lines[i][j]) != 1 || lines[i][j] < 0) return false;
  return true;
}

int main(int argc, char **argv) {
  char folder[128], text[64];
  snprintf(folder, sizeof folder, "%s/skas-fuzz-XXXXXX", argc > 1 ? argv[1] : "/tmp");
  if (!mkdtemp(folder) || chdir(folder) != 0) return perror("scratch folder"), 1;
  dup2(1, OUT);
  int null = open("/dev/null", O_RDWR);
  for (int n = 0; read_script(); n++) {
    int size = snprintf(text, sizeof text, "S %d\n", n), status;
    if (write(OUT, text, (size_t)size) != size) return 2;
    snprintf(text, sizeof text, "%d", n);
    mkdir(text, 0755);
    snprintf(text, sizeof text, "%d/w", n); // `..` of it is the script's, too
    mkdir(text, 0755);
    pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      if (chdir(text) != 0) _exit(2);
      for (int fd = 0; fd < 3; fd++) dup2(null, fd);
      close(null);
      run_script();
    }
    waitpid(child, &status, 0);
    kill(-child, SIGKILL);
    size = snprintf(text, sizeof text, "end %x\n", status);
    if (write(OUT, text, (size_t)size) != size) return 2;
    while (waitpid(-1, NULL, 0) > 0) continue;
  }
  char command[400];
  snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", folder, folder);
  return system(command) != 0;
}
