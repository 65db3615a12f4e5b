// File mappings: private and shared, coherence with read and write, after fork, truncate, msync, past the end, offsets, unlinked files.
#include "t.h"
int main(void) {
  char b[100];
  int f = open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);
  for (int i = 0; i < 5 * 4096; i++) { char c = (char)('a' + i / 4096); write(f, &c, 1); if (i % 4096 == 0) lseek(f, (i / 4096 + 1) * 4096, SEEK_SET), i += 4095; }
  ftruncate(f, 5 * 4096);
  char *s = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0);
  char *o = mmap(NULL, 4096, PROT_READ, MAP_SHARED, f, 3 * 4096);
  printf("pages %c%c%c%c%c offset %c\n", s[0], s[4096], s[8192], s[12288], s[16384], o[0]);
  s[1] = 'S';
  pread(f, b, 2, 0);
  printf("shared write seen by read: %c, by private: %c\n", b[1], p[1]);
  p[2] = 'P';
  pread(f, b, 3, 0);
  printf("private write seen by read: %d by shared: %d\n", b[2], s[2]);
  pwrite(f, "W", 1, 3);
  printf("write seen by shared: %c by private copied page: %d\n", s[3], p[3]);
  pwrite(f, "V", 1, 4097);
  // Whether a private page that nobody has written to sees it is unspecified (mmap(2)).
  printf("write seen by shared: %c\n", s[4097]);
  pid_t c = fork();
  if (c == 0) { s[5] = 'C'; p[5] = 'Q'; _exit(p[2] == 'P' ? 0 : 1); }
  reap("child", c);
  printf("after fork shared %c private %d\n", s[5], p[5]);
  pread(f, b, 6, 0);
  printf("file %c\n", b[5]);
  R(msync(s, 5 * 4096, MS_SYNC));
  R(msync(s, 4096, MS_ASYNC));
  R(msync(s, 4096, MS_ASYNC | MS_SYNC));
  R(msync(s + 1, 4096, MS_SYNC));
  R(msync((void *)0x1000, 4096, MS_SYNC));
  // Bytes past the end within the last page are zero and never reach the file.
  ftruncate(f, 5000);
  printf("tail %d\n", s[5001]);
  s[5001] = 'T';
  R(lseek(f, 0, SEEK_END));
  ftruncate(f, 6000);
  pread(f, b, 1, 5001);
  printf("after growth %d\n", b[0] == 'T' || b[0] == 0);
  pwrite(f, "G", 1, 8192);
  printf("grown page %c\n", s[8192]);
  // Unmap, close, unlink: the mapping lives on.
  unlink("data");
  close(f);
  s[10] = 'L';
  printf("unlinked %c %c\n", s[10], p[10] == 0 ? '0' : p[10]);
  R(munmap(s, 5 * 4096));
  R(munmap(p, 5 * 4096));
  printf("offset mapping gone past the end is SIGBUS elsewhere; o mapped %d\n", o != MAP_FAILED);
  // Shared anonymous memory.
  int *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 4; i++) if (fork() == 0) { for (int k = 0; k < 1000; k++) __sync_fetch_and_add(a, 1); _exit(0); }
  while (wait(NULL) > 0) continue;
  printf("shared counter %d\n", *a);
  // memfd, seals absent or present, mapping one frame at several places.
  int m = (int)syscall(SYS_memfd_create, "name", 3);
  OK(m >= 0);
  ftruncate(m, 4096);
  char *x = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, m, 0), *y = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m, 0);
  strcpy(x, "twice");
  printf("%s\n", y);
  R(fcntl(m, F_GET_SEALS));
  R(fcntl(m, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
  R(ftruncate(m, 8192));
  R(ftruncate(m, 100));
  R(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
  munmap(x, 4096);
  R(fcntl(m, F_ADD_SEALS, F_SEAL_WRITE));
  R(write(m, "x", 1));
  // read() into a mapping of the same file, and write() from one.
  f = open("self", O_RDWR | O_CREAT | O_TRUNC, 0644);
  ftruncate(f, 8192);
  s = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  strcpy(s, "round trip");
  R(pwrite(f, s, 11, 4096));
  printf("%s\n", s + 4096);
  R(pread(f, s + 100, 11, 4096));
  printf("%s\n", s + 100);
  // A private mapping of the program's own text is readable and equal to the file.
  int e = open("/proc/self/exe", O_RDONLY);
  char *t = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, e, 0);
  printf("ELF %d\n", memcmp(t, "\177ELF", 4) == 0);
  read(e, b, 64);
  printf("same header %d\n", memcmp(t, b, 64) == 0);
  unlink("self");
  return done();
}
