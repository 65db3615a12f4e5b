// The order and kind of execve's errors, and that a failed execve leaves the process as it was.
#include "t.h"
#include <elf.h>
static void put(const char *path, const void *data, size_t n, int mode) {
  int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  write(fd, data, n);
  close(fd);
  chmod(path, mode);
}
static char *noenv[] = {NULL};
#define X(path) (errno = 0, show("execve(" #path ")", execve(path, (char *[]){"x", NULL}, noenv)))
int main(int argc, char **argv) {
  (void)argv;
  if (argc > 5) return 0;
  X("/no/such/file");
  X("");
  X("/");
  X(".");
  X("/etc/passwd");
  X("/etc/passwd/x");
  X((char *)1);
  char longName[5000];
  memset(longName, 'a', 4999);
  longName[4999] = 0;
  X(longName);
  longName[300] = 0;
  X(longName);
  put("empty", "", 0, 0755);
  X("./empty");
  put("text", "hello world\n", 12, 0755);
  X("./text");
  put("text644", "hello world\n", 12, 0644);
  X("./text644");
  put("onlyhash", "#!", 2, 0755);
  X("./onlyhash");
  put("nointerp", "#!/no/such/interpreter\n", 23, 0755);
  X("./nointerp");
  put("dirinterp", "#!/etc\n", 7, 0755);
  X("./dirinterp");
  put("loop", "#!./loop\n", 9, 0755);
  X("./loop");
  put("elf4", "\177ELF", 4, 0755);
  X("./elf4");
  Elf64_Ehdr e;
  memset(&e, 0, sizeof e);
  memcpy(e.e_ident, ELFMAG, 4);
  e.e_ident[EI_CLASS] = ELFCLASS64;
  e.e_ident[EI_DATA] = ELFDATA2LSB;
  e.e_ident[EI_VERSION] = 1;
  e.e_type = ET_EXEC;
  e.e_machine = EM_AARCH64;
  e.e_version = 1;
  e.e_phentsize = sizeof(Elf64_Phdr);
  e.e_ehsize = sizeof e;
  e.e_phoff = sizeof e;
  e.e_phnum = 1;
  put("arm", &e, sizeof e, 0755);
  X("./arm");
  e.e_machine = EM_X86_64;
  put("noph", &e, sizeof e, 0755);
  X("./noph");
  e.e_phnum = 0;
  put("zeroph", &e, sizeof e, 0755);
  X("./zeroph");
  e.e_phnum = 1;
  e.e_type = ET_REL;
  put("object", &e, sizeof e, 0755);
  X("./object");
  e.e_phentsize = 1;
  e.e_type = ET_EXEC;
  put("phentsize", &e, sizeof e, 0755);
  X("./phentsize");
  symlink("sym1", "sym2");
  symlink("sym2", "sym1");
  X("./sym1");
  int w = open("busy", O_CREAT | O_RDWR, 0755);
  char b[65536];
  int r = open("prog", O_RDONLY);
  for (long n; (n = read(r, b, sizeof b)) > 0;) write(w, b, n);
  X("./busy");
  close(w);
  pid_t p = fork();
  if (p == 0) { execve("./busy", (char *[]){"1", "2", "3", "4", "5", "6", NULL}, noenv); _exit(50); }
  reap("copied binary", p);
  // Too long an argument list: one string of 128 KiB is the limit.
  char *big = malloc(200000);
  memset(big, 'q', 199999);
  big[199999] = 0;
  errno = 0;
  show("execve(128K string)", execve("./prog", (char *[]){"x", big, NULL}, noenv));
  show("execve(E2BIG before ENOENT?)", execve("./nothing", (char *[]){"x", big, NULL}, noenv));
  big[131000] = 0;
  p = fork();
  if (p == 0) { execve("./prog", (char *[]){"1", big, "3", "4", "5", "6", NULL}, noenv); printf("%s\n", strerrorname_np(errno)); _exit(50); }
  reap("131000 bytes", p);
  show("execve(bad argv)", execve("./prog", (char **)1, noenv));
  show("execve(bad argv[0])", execve("./prog", (char *[]){(char *)1, NULL}, noenv));
  show("execve(bad envp)", execve("./prog", (char *[]){"x", NULL}, (char **)8));
  show("execve(bad envp[0])", execve("./prog", (char *[]){"x", NULL}, (char *[]){(char *)8, NULL}));
  return done();
}
