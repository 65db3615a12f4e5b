// Which of several errors is answered, and what calls for nothing at all do: each line was once different under skas, found by the
// fuzzer (tests/fuzz).
#include "t.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static void copyTooFar(void) {
  int from = open("from", O_CREAT | O_RDWR, 0644), to = open("to", O_CREAT | O_RDWR, 0644);
  OK(write(from, "0123456789", 10) == 10);
  loff_t start = 0, end = 0x7fffffffffffffff;
  R(copy_file_range(from, &start, to, &end, 5, 0));
  R(copy_file_range(from, &start, to, &end, -1, 0));
  end = -1;
  R(copy_file_range(from, &start, to, &end, 5, 0));
  close(from), close(to), unlink("from"), unlink("to");
}

static void hugePages(void) {
  R(prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0));
  R(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
  R(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
  R(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  R(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
}

int main(void) {
  struct timespec bad[2] = {{0, 0}, {0, 1000000000}}, wild[2] = {{0, -1}, {0, 0}};
  R(utimensat(AT_FDCWD, "missing", bad, 0));
  R(utimensat(AT_FDCWD, "prog/missing", wild, 0));
  R(utimensat(AT_FDCWD, ".", bad, 0));

  R(openat(99, "", O_RDONLY));
  R(openat(99, "missing", O_RDONLY));
  R(faccessat(99, "", F_OK, 0));
  R(fchmodat(99, "", 0644, 0));

  int event = eventfd(3, EFD_NONBLOCK), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = epoll_create1(0);
  sigset_t none;
  sigemptyset(&none);
  int signals = signalfd(-1, &none, SFD_NONBLOCK);
  int all[] = {event, timer, epoll, signals};
  for (int i = 0; i < 4; i++) {
    R(lseek(all[i], 5, SEEK_SET));
    R(lseek(all[i], 0, SEEK_END));
    R(fcntl(all[i], F_GETPIPE_SZ));
    R(fcntl(all[i], F_SETPIPE_SZ, 4096));
  }
  R(fallocate(event, 0, 0, 10));
  R(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, event, 0) == MAP_FAILED ? -1 : 0);
  int memory = memfd_create("m", 0), pipes[2], pair[2];
  R(fcntl(memory, F_GETPIPE_SZ));
  OK(pipe2(pipes, O_NONBLOCK) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
  R(fallocate(pipes[1], 0, 0, 10));
  R(fallocate(pair[0], 0, 0, 10));

  char bytes[8];
  struct iovec empty[2] = {{bytes, 0}, {NULL, 0}};
  R(readv(event, empty, 2));
  R(readv(event, empty, 0));
  R(readv(epoll, empty, 2));
  R(read(event, bytes, 0));
  R(read(pair[0], bytes, 0));
  R(readv(pair[0], empty, 2));
  R(recv(pair[0], bytes, 0, MSG_DONTWAIT));

  R(fcntl(0, F_DUPFD, -1));
  R(fcntl(0, F_DUPFD, 1 << 30));
  off_t from = 0;
  R(sendfile(99, pipes[0], &from, 10));
  R(sendfile(99, pipes[0], NULL, 10));

  R(sendfile(pipes[1], pair[0], NULL, 0));
  R(sendfile(event, memory, NULL, 0));
  R(splice(event, NULL, pipes[1], NULL, 8, SPLICE_F_NONBLOCK));
  R(splice(pipes[0], NULL, event, NULL, 8, SPLICE_F_NONBLOCK));
  R(read(event, (void *)8, 8));
  R(read(event, bytes, 8));
  R(fcntl(memory, F_ADD_SEALS, 0x8000));
  struct pollfd p = {open(".", O_PATH), POLLIN, 0};
  R(poll(&p, 1, 0));
  printf("%x\n", p.revents);
  // Only streams send SIGPIPE.
  signal(SIGPIPE, SIG_IGN);
  int packets[2];
  OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) == 0 && close(packets[0]) == 0);
  signal(SIGPIPE, SIG_DFL);
  R(write(packets[1], bytes, 8));

  // To shrink in place is to unmap, across holes as well.
  char *area = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(area + 4096, 4096);
  R(mremap(area, 8 * 4096, 4 * 4096, 0) == area);
  R(mremap(area, 4 * 4096, 4 * 4096, 0) == area);
  R(mremap(area, 4 * 4096, 5 * 4096, 0) == MAP_FAILED ? -1 : 0);
  copyTooFar();
  hugePages();
  return done();
}
