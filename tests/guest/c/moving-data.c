// sendfile, splice, tee, vmsplice, copy_file_range, readv over many buffers, huge and 1-byte reads.
#include "t.h"
#include <sys/sendfile.h>
int main(void) {
  int f = open("src", O_RDWR | O_CREAT | O_TRUNC, 0644), g = open("dst", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2], q[2];
  char *b = malloc(300000), *c = malloc(300000);
  for (int i = 0; i < 300000; i++) b[i] = (char)(i * 31 >> 3);
  R(write(f, b, 300000));
  off_t off = 1000;
  R(sendfile(g, f, &off, 200000));
  printf("off %ld pos %ld\n", (long)off, (long)lseek(f, 0, SEEK_CUR));
  pread(g, c, 200000, 0);
  R(memcmp(b + 1000, c, 200000));
  lseek(f, 299990, SEEK_SET);
  R(sendfile(g, f, NULL, 100));
  R(sendfile(g, f, NULL, 100));
  R(sendfile(99, f, NULL, 1));
  pipe(p);
  pipe(q);
  R(sendfile(p[1], f, &(off_t){5}, 1000));
  R(read(p[0], c, 2000));
  R(memcmp(b + 5, c, 1000));
  off_t o = 0;
  R(splice(f, &o, p[1], NULL, 10000, 0));
  R(o);
  R(tee(p[0], q[1], 4000, 0));
  R(read(q[0], c, 10000));
  R(memcmp(b, c, 4000));
  o = 500;
  R(splice(p[0], NULL, g, &o, 10000, 0));
  pread(g, c, 10000, 500);
  R(memcmp(b, c, 10000));
  R(splice(p[0], NULL, g, NULL, 10, SPLICE_F_NONBLOCK));
  R(splice(f, NULL, g, NULL, 10, 0));
  R(splice(p[0], &o, g, NULL, 10, 0));
  write(p[1], "pipe to pipe", 12);
  R(splice(p[0], NULL, q[1], NULL, 100, 0));
  R(read(q[0], c, 100));
  struct iovec v[2] = {{"vm", 2}, {"splice", 6}};
  R(vmsplice(p[1], v, 2, 0));
  R(read(p[0], c, 100));
  loff_t i1 = 100, i2 = 0;
  int h = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644);
  R(copy_file_range(f, &i1, h, &i2, 100000, 0));
  printf("%ld %ld\n", (long)i1, (long)i2);
  pread(h, c, 100000, 0);
  R(memcmp(b + 100, c, 100000));
  i1 = 299999;
  R(copy_file_range(f, &i1, h, NULL, 10, 0));
  R(copy_file_range(f, &i1, h, NULL, 10, 0));
  R(copy_file_range(f, NULL, h, NULL, 10, 1));
  R(copy_file_range(f, NULL, p[1], NULL, 10, 0));
  // 1,024 buffers of one byte.
  struct iovec *many = malloc(1024 * sizeof *many);
  for (int i = 0; i < 1024; i++) many[i] = (struct iovec){c + i * 2, 1};
  R(preadv(f, many, 1024, 0));
  int bad = 0;
  for (int i = 0; i < 1024; i++) bad += c[i * 2] != b[i];
  printf("bad %d\n", bad);
  // A byte at a time, and lengths far beyond what is there or possible.
  lseek(f, 0, SEEK_SET);
  for (int i = 0; i < 2000; i++) { char x; OK(read(f, &x, 1) == 1 && x == b[i]); }
  c = mmap(NULL, 4UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  R(pread(f, c, 4UL << 30, 0));
  R(memcmp(b, c, 300000));
  R(pread(f, c, -1UL, 0));
  R(pread(f, c, 1UL << 63, 0));
  int z = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
  R(read(z, c, 10 << 20));
  R(write(null, c, 3UL << 30));
  R(write(null, c, 4UL << 30));
  v[0] = (struct iovec){c, 1UL << 62};
  v[1] = (struct iovec){c, 1UL << 62};
  R(writev(null, v, 2));
  v[1].iov_len = 1UL << 63;
  R(writev(null, v, 2));
  // A buffer that ends at an unmapped page gets what fits.
  char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(edge + 4096, 4096);
  R(pread(f, edge + 4000, 1000, 0) == 96 || errno == EFAULT);
  R(pread(f, edge + 4096, 10, 0));
  write(p[1], b, 500);
  R(read(p[0], edge + 4096, 10));
  R(pwrite(g, edge + 4090, 100, 0) == 6 || errno == EFAULT);
  // process_vm_readv on oneself.
  struct iovec l = {c, 100}, r = {b, 100};
  R(process_vm_readv(getpid(), &l, 1, &r, 1, 0));
  R(memcmp(b, c, 100));
  return done();
}
