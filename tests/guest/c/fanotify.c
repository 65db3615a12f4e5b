// guest: needs=root kernel=6.6
// fanotify: what may be asked for, events of files, children, mounts and file systems, ignored ones, handles and names instead of descriptors.
#include "t.h"
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x400
#endif

static char room[8192] __attribute__((aligned(8)));

static int group(unsigned flags) {
  int fd = fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC, O_RDONLY);
  OK(fd >= 0);
  return fd;
}

static const char *kindOf(int type) {
  return type == FAN_EVENT_INFO_TYPE_FID ? "fid" : type == FAN_EVENT_INFO_TYPE_DFID ? "dfid" : type == FAN_EVENT_INFO_TYPE_DFID_NAME ? "dfid name" : "?";
}

// Which of the files that we know has this handle.
static const char *whose(struct file_handle *handle) {
  static const char *names[] = {".", "file", "dir", "dir/inner", "other"};
  for (int i = 0; i < 5; i++) {
    char space[sizeof(struct file_handle) + 128];
    struct file_handle *mine = (void *)space;
    int mount;
    mine->handle_bytes = 128;
    if (name_to_handle_at(AT_FDCWD, names[i], mine, &mount, 0) != 0) continue;
    if (mine->handle_bytes == handle->handle_bytes && mine->handle_type == handle->handle_type && memcmp(mine->f_handle, handle->f_handle, mine->handle_bytes) == 0) return names[i];
  }
  return "?";
}

static void info(struct fanotify_event_metadata *e) {
  for (unsigned at = e->metadata_len; at < e->event_len;) {
    struct fanotify_event_info_fid *i = (void *)((char *)e + at);
    struct file_handle *handle = (void *)i->handle;
    printf(" [%s %s", kindOf(i->hdr.info_type), whose(handle));
    if (i->hdr.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) printf(" '%s'", (char *)handle->f_handle + handle->handle_bytes);
    struct statfs fs;
    OK(statfs(".", &fs) == 0 && memcmp(&fs.f_fsid, &i->fsid, sizeof fs.f_fsid) == 0);
    printf("]");
    at += i->hdr.len;
  }
}

static void events(const char *what, int fd) {
  printf("%s:\n", what);
  ssize_t n;
  while ((n = read(fd, room, sizeof room)) > 0) {
    for (struct fanotify_event_metadata *e = (void *)room; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n)) {
      printf("  %llx", (unsigned long long)e->mask);
      OK(e->vers == FANOTIFY_METADATA_VERSION && e->pid == getpid());
      if (e->fd >= 0) {
        char link[40], name[200] = "";
        sprintf(link, "/proc/self/fd/%d", e->fd);
        OK(readlink(link, name, sizeof name - 1) > 0);
        printf(" %s%s", strrchr(name, '/') + 1, (fcntl(e->fd, F_GETFL) & O_ACCMODE) == O_RDONLY ? "" : " writable");
        close(e->fd);
      } else {
        info(e);
      }
      printf("\n");
    }
  }
  OK(n == -1 && errno == EAGAIN);
}

static void use(void) {
  char byte;
  int fd = open("file", O_RDWR);
  OK(write(fd, "x", 1) == 1 && pread(fd, &byte, 1, 0) == 1);
  close(fd);
  close(open("dir", O_RDONLY));
  fd = open("dir/inner", O_RDONLY);
  close(fd);
}

static void errors(void) {
  S(fanotify_init(FAN_CLASS_NOTIF | 0x10000000, O_RDONLY));
  S(fanotify_init(FAN_CLASS_NOTIF, 3));
  S(fanotify_init(FAN_CLASS_NOTIF, O_CREAT));
  S(fanotify_init(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, O_RDONLY));
  S(fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, O_RDONLY));
  S(fanotify_init(FAN_REPORT_NAME, O_RDONLY));
  int g = group(FAN_CLASS_NOTIF);
  R(fanotify_mark(g, FAN_MARK_ADD, 0, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_ADD, 1ull << 40, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(g, 0, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_ADD | 0x100000, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "none"));
  R(fanotify_mark(g, FAN_MARK_ADD, FAN_OPEN, 99, NULL));
  R(fanotify_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "dir")); // wants handles
  R(fanotify_mark(g, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "file"));
  R(fanotify_mark(g, FAN_MARK_FLUSH | FAN_MARK_ONLYDIR, 0, AT_FDCWD, "."));
  R(fanotify_mark(g, FAN_MARK_FLUSH, 0, AT_FDCWD, "."));
  R(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "."));
  R(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, AT_FDCWD, "."));
  R(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "file"));
  int reports = group(FAN_REPORT_FID);
  R(fanotify_mark(reports, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CREATE, AT_FDCWD, "."));
  close(reports);
  use();
  R(fanotify_mark(g, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE, AT_FDCWD, "file"));
  use();
  R(read(g, room, 10));
  R(write(g, "12345678", 8));
  close(g);
}

static void descriptors(void) {
  int g = group(FAN_CLASS_NOTIF);
  uint64_t all = FAN_OPEN | FAN_CLOSE | FAN_ACCESS | FAN_MODIFY;
  OK(fanotify_mark(g, FAN_MARK_ADD, all, AT_FDCWD, "file") == 0);
  use();
  events("file", g);
  OK(fanotify_mark(g, FAN_MARK_REMOVE, FAN_OPEN | FAN_ACCESS, AT_FDCWD, "file") == 0);
  use();
  events("file, less", g);
  OK(fanotify_mark(g, FAN_MARK_FLUSH, 0, AT_FDCWD, ".") == 0);
  use();
  events("flushed", g);
  OK(fanotify_mark(g, FAN_MARK_ADD, all, AT_FDCWD, ".") == 0);
  use();
  events("directory without children", g);
  OK(fanotify_mark(g, FAN_MARK_ADD, FAN_EVENT_ON_CHILD, AT_FDCWD, ".") == 0);
  use();
  events("directory with children", g);
  OK(fanotify_mark(g, FAN_MARK_ADD, FAN_ONDIR, AT_FDCWD, ".") == 0);
  use();
  events("and directories", g);
  OK(fanotify_mark(g, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "file") == 0);
  close(open("file", O_RDONLY));
  events("two marks, one event", g);
  OK(fanotify_mark(g, FAN_MARK_FLUSH, 0, AT_FDCWD, ".") == 0);
  OK(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_MODIFY, AT_FDCWD, ".") == 0);
  use();
  events("mount", g);
  OK(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "file") == 0);
  close(open("file", O_RDONLY));
  events("ignored", g);
  use();
  close(open("file", O_RDONLY));
  events("no more after a change", g);
  OK(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, "file") == 0);
  use();
  use();
  events("ignored for good", g);
  OK(fanotify_mark(g, FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, AT_FDCWD, ".") == 0);
  OK(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CLOSE_WRITE | FAN_CLOSE_NOWRITE, AT_FDCWD, ".") == 0);
  use();
  events("file system", g);
  close(g);
}

static void names(const char *what, unsigned flags, unsigned kind) {
  int g = group(flags);
  uint64_t all = FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_ATTRIB | FAN_OPEN | FAN_CLOSE | FAN_ONDIR | FAN_EVENT_ON_CHILD;
  OK(fanotify_mark(g, FAN_MARK_ADD | kind, all, AT_FDCWD, ".") == 0);
  close(open("other", O_CREAT | O_WRONLY, 0644));
  events(what, g);
  OK(chmod("file", 0600) == 0 && rename("other", "new") == 0 && unlink("new") == 0);
  events("rename, unlink", g);
  OK(mkdir("sub", 0755) == 0 && rmdir("sub") == 0);
  events("directories", g);
  use();
  events("use", g);
  close(g);
}

static void user(void) {
  OK(setresuid(1234, 1234, 1234) == 0);
  S(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));
  S(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
  int g = fanotify_init(FAN_REPORT_FID | FAN_NONBLOCK, O_RDONLY);
  OK(g >= 0);
  R(fanotify_mark(g, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "."));
  R(fanotify_mark(g, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "."));
}

int main(void) {
  OK(mkdir("m", 0755) == 0 && unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  OK(mount("none", "m", "tmpfs", 0, "") == 0 && chdir("m") == 0 && mkdir("dir", 0755) == 0);
  close(open("file", O_CREAT | O_WRONLY, 0644));
  close(open("dir/inner", O_CREAT | O_WRONLY, 0644));
  errors();
  descriptors();
  names("handles", FAN_REPORT_FID, 0);
  names("directory handles", FAN_REPORT_DIR_FID, 0);
  names("names", FAN_REPORT_DFID_NAME, 0);
  names("both", FAN_REPORT_DFID_NAME | FAN_REPORT_FID, FAN_MARK_FILESYSTEM);
  pid_t child = fork();
  if (child == 0) {
    user();
    _exit(failures);
  }
  reap("user", child);
  OK(chdir("..") == 0 && umount("m") == 0 && rmdir("m") == 0);
  return done();
}
