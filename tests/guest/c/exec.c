// execve: argv, envp, scripts, what survives (cwd, ignored signals, masks, descriptors, pid) and what does not (handlers, cloexec).
#include "t.h"
static void handler(int s) { (void)s; }
static int child(int argc, char **argv) {
  if (!strcmp(argv[1], "args")) {
    for (int i = 0; i < argc; i++) printf("argv[%d]=%s\n", i, argv[i]);
    extern char **environ;
    for (char **e = environ; *e; e++) printf("env %s\n", *e);
    return 0;
  }
  if (!strcmp(argv[1], "state")) {
    struct sigaction sa;
    sigaction(SIGUSR1, NULL, &sa);
    printf("SIGUSR1 default %d\n", sa.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, NULL, &sa);
    printf("SIGUSR2 ignored %d\n", sa.sa_handler == SIG_IGN);
    sigset_t m;
    sigprocmask(SIG_SETMASK, NULL, &m);
    printf("SIGTERM blocked %d SIGINT blocked %d\n", sigismember(&m, SIGTERM), sigismember(&m, SIGINT));
    sigset_t p;
    sigpending(&p);
    printf("SIGTERM pending %d\n", sigismember(&p, SIGTERM));
    R(fcntl(20, F_GETFD));
    R(fcntl(21, F_GETFD));
    printf("pid kept %d\n", getpid() == atoi(argv[2]));
    char name[17] = {0};
    prctl(PR_GET_NAME, name);
    printf("comm %s\n", name);
    char exe[4096] = {0};
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    printf("exe ends in prog %d\n", n > 5 && !strcmp(exe + n - 5, "/prog"));
    stack_t ss;
    sigaltstack(NULL, &ss);
    printf("altstack off %d\n", ss.ss_flags == SS_DISABLE);
    return 0;
  }
  for (int i = 0; i < argc; i++) printf("script argv[%d]=%s\n", i, argv[i]);
  return 9;
}
static void run(const char *what, const char *path, char **argv, char **envp) {
  pid_t p = fork();
  if (p == 0) { execve(path, argv, envp); printf("execve -> %s\n", strerrorname_np(errno)); _exit(100); }
  reap(what, p);
}
int main(int argc, char **argv) {
  if (argc > 1) return child(argc, argv);
  char *none[] = {NULL};
  run("args", "./prog", (char *[]){"zero", "args", "", "two words", "\xc3\xa9\xff", NULL}, (char *[]){"A=1", "EMPTY=", "NOEQUALS", NULL});
  run("null env", "./prog", (char *[]){"p", "args", NULL}, NULL);
  FILE *f = fopen("script", "w");
  fprintf(f, "#!./prog   args with spaces  \nignored\n");
  fclose(f);
  chmod("script", 0755);
  run("script", "./script", (char *[]){"lost", "x", "y", NULL}, none);
  f = fopen("nested", "w");
  fprintf(f, "#!./script nested\n");
  fclose(f);
  chmod("nested", 0755);
  run("nested script", "./nested", (char *[]){"n", "z", NULL}, none);
  f = fopen("noarg", "w");
  fprintf(f, "#!/bin/sh\necho sh got $0 $1 \"$2\"\n");
  fclose(f);
  chmod("noarg", 0755);
  run("sh script", "./noarg", (char *[]){"n", "1", "2 3", NULL}, none);
  f = fopen("noshebang", "w");
  fprintf(f, "echo plain\n");
  fclose(f);
  chmod("noshebang", 0755);
  run("no #!", "./noshebang", (char *[]){"n", NULL}, none);
  pid_t p = fork();
  if (p == 0) { execlp("./noshebang", "noshebang", NULL); _exit(100); }
  reap("execlp falls back to sh", p);

  p = fork();
  if (p == 0) {
    char pid[20];
    sprintf(pid, "%d", getpid());
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigset_t m;
    sigemptyset(&m);
    sigaddset(&m, SIGTERM);
    sigprocmask(SIG_SETMASK, &m, NULL);
    raise(SIGTERM);
    stack_t ss = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&ss, NULL);
    dup2(1, 20);
    dup3(1, 21, O_CLOEXEC);
    execl("./prog", "renamed-by-argv0", "state", pid, NULL);
    _exit(100);
  }
  reap("state", p);

  // By descriptor.
  int fd = open("./prog", O_RDONLY);
  p = fork();
  if (p == 0) { fexecve(fd, (char *[]){"f", "args", NULL}, none); _exit(100); }
  reap("fexecve", p);
  int dir = open(".", O_RDONLY | O_DIRECTORY);
  p = fork();
  if (p == 0) { syscall(SYS_execveat, dir, "prog", (char *[]){"at", "args", NULL}, none, 0); _exit(100); }
  reap("execveat", p);
  symlink("prog", "link");
  p = fork();
  if (p == 0) { syscall(SYS_execveat, dir, "link", (char *[]){"at", "args", NULL}, none, AT_SYMLINK_NOFOLLOW); printf("nofollow %s\n", strerrorname_np(errno)); _exit(100); }
  reap("execveat nofollow", p);
  // A long list: 100 arguments of 1000 bytes, 50 variables.
  char *args[103] = {"long", "count"}, big[1001];
  memset(big, 'x', 1000);
  big[1000] = 0;
  (void)args;
  for (int i = 1; i < 101; i++) args[i] = big;
  args[1] = "args";
  int out[2];
  pipe(out);
  p = fork();
  if (p == 0) { dup2(out[1], 1); close(out[0]); execve("./prog", args, none); _exit(100); }
  close(out[1]);
  long total = 0, n;
  char buf[65536];
  while ((n = read(out[0], buf, sizeof buf)) > 0) total += n;
  reap("long", p);
  printf("long output %ld bytes\n", total);
  return done();
}
