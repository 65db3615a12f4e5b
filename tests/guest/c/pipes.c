// Pipes: order, EOF, EPIPE, capacity, atomicity, non-blocking, FIONREAD, FIFOs, O_DIRECT absent, blocked readers and writers.
#include "t.h"
int main(void) {
  int p[2];
  char buf[70000];
  signal(SIGPIPE, SIG_IGN);
  R(pipe((int *)1));
  R(pipe2(p, 0x10));
  OK(pipe2(p, O_NONBLOCK) == 0);
  R(read(p[0], buf, 10));
  R(write(p[1], "hello", 5));
  int n = 0;
  R(ioctl(p[0], FIONREAD, &n));
  printf("FIONREAD %d\n", n);
  R(read(p[0], buf, 3));
  R(read(p[0], buf, 10));
  R(fcntl(p[0], F_GETPIPE_SZ));
  R(write(p[1], buf, 65536));
  R(write(p[1], buf, 1));
  R(read(p[0], buf, 4095));
  R(write(p[1], buf, 4096));
  R(read(p[0], buf, 1));
  R(write(p[1], buf, 4096));
  R(write(p[1], buf, 70000));
  long total = 0, k;
  while ((k = read(p[0], buf, sizeof buf)) > 0) total += k;
  printf("drained %ld\n", total);
  R(lseek(p[0], 0, SEEK_SET));
  R(pread(p[0], buf, 1, 0));
  R(read(p[1], buf, 1));
  R(write(p[0], buf, 1));
  R(ftruncate(p[1], 0));
  R(fsync(p[1]));
  struct stat st;
  OK(fstat(p[0], &st) == 0 && S_ISFIFO(st.st_mode));
  printf("mode %o nlink %d size %d\n", st.st_mode, (int)st.st_nlink, (int)st.st_size);
  close(p[0]);
  R(write(p[1], "x", 1));
  close(p[1]);
  signal(SIGPIPE, SIG_DFL);
  pid_t c = fork();
  if (c == 0) { pipe(p); close(p[0]); write(p[1], "x", 1); _exit(1); }
  reap("SIGPIPE", c);

  // A blocked writer makes progress as the reader drains; 1 MiB passes through in order.
  pipe(p);
  c = fork();
  if (c == 0) {
    close(p[0]);
    unsigned *w = malloc(1 << 20);
    for (unsigned i = 0; i < 1 << 18; i++) w[i] = i;
    long k = write(p[1], w, 1 << 20);
    _exit(k == 1 << 20 ? 0 : 1);
  }
  close(p[1]);
  unsigned expect = 0, word;
  FILE *in = fdopen(p[0], "r");
  while (fread(&word, 4, 1, in) == 1) if (word != expect++) { printf("FAIL out of order\n"); break; }
  printf("words %u\n", expect);
  fclose(in);
  reap("writer", c);

  // Two writers of PIPE_BUF records never interleave.
  pipe(p);
  for (int w = 0; w < 2; w++)
    if (fork() == 0) {
      char rec[4096];
      memset(rec, 'a' + w, sizeof rec);
      for (int i = 0; i < 50; i++) write(p[1], rec, sizeof rec);
      _exit(0);
    }
  close(p[1]);
  int mixed = 0, records = 0;
  in = fdopen(p[0], "r");
  while (fread(buf, 4096, 1, in) == 1) { records++; for (int i = 1; i < 4096; i++) if (buf[i] != buf[0]) { mixed++; break; } }
  fclose(in);
  while (wait(NULL) > 0) continue;
  printf("records %d mixed %d\n", records, mixed);

  // FIFOs.
  R(mkfifo("fifo", 0600));
  R(mkfifo("fifo", 0600));
  R(open("fifo", O_WRONLY | O_NONBLOCK));
  int r = open("fifo", O_RDONLY | O_NONBLOCK);
  OK(r >= 0);
  R(read(r, buf, 1));
  int w = open("fifo", O_WRONLY);
  OK(w >= 0);
  R(read(r, buf, 1));
  R(write(w, "fifo!", 5));
  R(read(r, buf, 10));
  close(w);
  R(read(r, buf, 10));
  close(r);
  c = fork();
  if (c == 0) { int f = open("fifo", O_WRONLY); write(f, "late", 4); _exit(0); }
  r = open("fifo", O_RDONLY);
  R(read(r, buf, 10));
  reap("fifo writer", c);
  close(r);
  r = open("fifo", O_RDWR);
  R(write(r, "both", 4));
  R(read(r, buf, 10));
  unlink("fifo");
  // Size of a pipe.
  pipe(p);
  R(fcntl(p[1], F_SETPIPE_SZ, 5000));
  R(fcntl(p[1], F_SETPIPE_SZ, 131072));
  R(write(p[1], buf, 70000));
  R(fcntl(p[1], F_SETPIPE_SZ, 4096));
  return done();
}
