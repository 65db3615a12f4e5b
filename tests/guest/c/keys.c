// guest: needs=root
// Key rings: add_key, request_key, keyctl; what a thread, a process and a session have, who may do what, what ends a key.
#include "t.h"
#include <linux/keyctl.h>

#define RING(name, ring) add("keyring", name, NULL, 0, ring)
#define VIEW 0x01000000
#define ALL 0x3f000000

static long add(const char *type, const char *name, const void *data, size_t n, int ring) { return syscall(SYS_add_key, type, name, data, n, ring); }
static long request(const char *type, const char *name, const char *callout, int ring) { return syscall(SYS_request_key, type, name, callout, ring); }
static long ctl(int op, long a, long b, long c, long d) { return syscall(SYS_keyctl, op, a, b, c, d); }

// The name and rights of a key, without its owner.
static void describe(const char *what, long key) {
  char text[200] = "";
  long n = ctl(KEYCTL_DESCRIBE, key, (long)text, sizeof text, 0);
  if (n < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  char *rights = strrchr(text, ';');
  *strchr(text, ';') = 0;
  printf("%s: %s, %s, length right: %d\n", what, text, rights - 8, n == (long)strlen(rights) + (rights - text) + 1);
}

static void list(const char *what, long ring) {
  int serials[20];
  long n = ctl(KEYCTL_READ, ring, (long)serials, sizeof serials, 0);
  if (n < 0) {
    printf("%s: %s\n", what, strerrorname_np(errno));
    return;
  }
  printf("%s holds %ld\n", what, n / 4);
}

static void errors(void) {
  S(add("user", "a", "x", 0, KEY_SPEC_SESSION_KEYRING));
  S(add("user", "a", NULL, 3, KEY_SPEC_SESSION_KEYRING));
  S(add("user", "a", "x", 1 << 20, KEY_SPEC_SESSION_KEYRING));
  S(add("user", "", "x", 1, KEY_SPEC_SESSION_KEYRING));
  S(add("no-such-type", "a", "x", 1, KEY_SPEC_SESSION_KEYRING));
  S(add(".dead", "a", "x", 1, KEY_SPEC_SESSION_KEYRING));
  S(add("keyring", ".system", NULL, 0, KEY_SPEC_SESSION_KEYRING));
  S(add("keyring", "r", "x", 1, KEY_SPEC_SESSION_KEYRING));
  S(add("logon", "no-service", "x", 1, KEY_SPEC_SESSION_KEYRING));
  S(add("user", "a", "x", 1, KEY_SPEC_GROUP_KEYRING));
  S(add("user", "a", "x", 1, KEY_SPEC_REQKEY_AUTH_KEY));
  S(add("user", "a", "x", 1, 0x7fffffff));
  S(add((char *)-1, "a", "x", 1, KEY_SPEC_SESSION_KEYRING));
  S(request("user", "nothing", NULL, 0));
  S(request("no-such-type", "nothing", NULL, 0));
  S(request(".user", "nothing", NULL, 0));
  R(ctl(9999, 0, 0, 0, 0));
  R(ctl(KEYCTL_SETPERM, KEY_SPEC_SESSION_KEYRING, -1, 0, 0));
  R(ctl(KEYCTL_NEGATE, 5, 1, 0, 0));
  R(ctl(KEYCTL_ASSUME_AUTHORITY, 0, 0, 0, 0));
  R(ctl(KEYCTL_GET_KEYRING_ID, 0, 0, 0, 0));
  S(ctl(KEYCTL_JOIN_SESSION_KEYRING, (long)".builtin_trusted_keys", 0, 0, 0));
}

static void contents(void) {
  char text[16] = "zzzzzzzzzzzzzzz";
  long key = add("user", "colour", "green", 5, KEY_SPEC_SESSION_KEYRING);
  OK(key > 0);
  describe("key", key);
  OK(add("user", "colour", "blue", 4, KEY_SPEC_SESSION_KEYRING) == key);
  R(ctl(KEYCTL_READ, key, (long)text, 2, 0));
  OK(memcmp(text, "zzz", 3) == 0 || memcmp(text, "bl", 2) == 0);
  R(ctl(KEYCTL_READ, key, 0, 0, 0));
  R(ctl(KEYCTL_UPDATE, key, (long)"yellow", 6, 0));
  R(ctl(KEYCTL_READ, key, (long)text, sizeof text, 0));
  OK(request("user", "colour", NULL, 0) == key);
  OK(ctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (long)"user", (long)"colour", 0) == key);
  S(ctl(KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, (long)"user", (long)"shape", 0));
  S(ctl(KEYCTL_SEARCH, key, (long)"user", (long)"shape", 0));
  R(ctl(KEYCTL_CLEAR, key, 0, 0, 0));
  long logon = add("logon", "disk:1", "secret", 6, KEY_SPEC_SESSION_KEYRING);
  describe("logon", logon);
  R(ctl(KEYCTL_READ, logon, (long)text, sizeof text, 0));
  R(ctl(KEYCTL_UPDATE, logon, (long)"other", 5, 0));
  R(ctl(KEYCTL_GET_SECURITY, key, (long)text, sizeof text, 0) >= 1);
}

static void rings(void) {
  long ring = RING("outer", KEY_SPEC_SESSION_KEYRING);
  long inner = RING("inner", ring);
  long key = add("user", "deep", "x", 1, inner);
  describe("ring", ring);
  list("outer", ring);
  OK(request("user", "deep", NULL, 0) == key);
  R(ctl(KEYCTL_LINK, ring, inner, 0, 0));
  R(ctl(KEYCTL_LINK, key, ring, 0, 0));
  R(ctl(KEYCTL_LINK, key, key, 0, 0));
  R(ctl(KEYCTL_LINK, key, ring, 0, 0));
  list("outer", ring);
  R(ctl(KEYCTL_UNLINK, key, inner, 0, 0));
  R(ctl(KEYCTL_UNLINK, key, inner, 0, 0));
  list("inner", inner);
  R(ctl(KEYCTL_MOVE, key, ring, inner, KEYCTL_MOVE_EXCL));
  R(ctl(KEYCTL_MOVE, key, ring, inner, 0));
  long newer = RING("inner", ring);
  OK(newer != inner);
  list("outer", ring);
  long at = newer;
  for (int depth = 0; depth < 9 && at > 0; depth++) at = RING("nested", at);
  printf("nesting ends: %s\n", at > 0 ? "never" : strerrorname_np(errno));
  long loose = RING("loose", KEY_SPEC_SESSION_KEYRING);
  R(ctl(KEYCTL_LINK, newer, loose, 0, 0));
  R(ctl(KEYCTL_CLEAR, ring, 0, 0, 0));
  list("outer", ring);
  R(ctl(KEYCTL_UNLINK, ring, KEY_SPEC_SESSION_KEYRING, 0, 0));
  R(ctl(KEYCTL_UNLINK, loose, KEY_SPEC_SESSION_KEYRING, 0, 0));
}

static void ends(void) {
  char text[8];
  long key = add("user", "short", "x", 1, KEY_SPEC_SESSION_KEYRING);
  R(ctl(KEYCTL_REVOKE, key, 0, 0, 0));
  R(ctl(KEYCTL_READ, key, (long)text, 8, 0));
  S(request("user", "short", NULL, 0));
  describe("revoked", key);
  long second = add("user", "short", "y", 1, KEY_SPEC_SESSION_KEYRING);
  OK(second > 0 && second != key);
  R(ctl(KEYCTL_SET_TIMEOUT, second, 1000, 0, 0));
  R(ctl(KEYCTL_SET_TIMEOUT, second, 0, 0, 0));
  R(ctl(KEYCTL_INVALIDATE, second, 0, 0, 0));
  OK(request("user", "short", NULL, 0) == -1); // ENOKEY, or EKEYREVOKED until the kernel has swept
  long rights = add("user", "rights", "x", 1, KEY_SPEC_SESSION_KEYRING);
  R(ctl(KEYCTL_SETPERM, rights, VIEW, 0, 0));
  R(ctl(KEYCTL_READ, rights, (long)text, 8, 0));
  R(ctl(KEYCTL_UPDATE, rights, (long)"z", 1, 0));
  R(ctl(KEYCTL_SETPERM, rights, ALL, 0, 0));
  describe("rights", rights);
}

static void *inThread(void *arg) {
  S(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0, 0));
  OK(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) == (long)arg);
  return NULL;
}

static void whose(void) {
  long session = ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
  S(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0, 0));
  S(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0, 0));
  long mine = add("user", "mine", "x", 1, KEY_SPEC_PROCESS_KEYRING);
  add("user", "own", "x", 1, KEY_SPEC_THREAD_KEYRING);
  describe("thread's", KEY_SPEC_THREAD_KEYRING);
  describe("process's", KEY_SPEC_PROCESS_KEYRING);
  describe("session's", KEY_SPEC_SESSION_KEYRING);
  describe("user's", KEY_SPEC_USER_KEYRING);
  describe("user session's", KEY_SPEC_USER_SESSION_KEYRING);
  OK(request("user", "mine", NULL, 0) == mine);
  pthread_t thread;
  pthread_create(&thread, NULL, inThread, (void *)session);
  pthread_join(thread, NULL);
  pid_t child = fork();
  if (child == 0) {
    S(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0, 0));
    OK(ctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0) == session);
    S(request("user", "mine", NULL, 0));
    long other = ctl(KEYCTL_JOIN_SESSION_KEYRING, (long)"skas-test", 0, 0, 0);
    describe("joined", other);
    OK(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0) != other);
    _exit(failures);
  }
  reap("child", child);
  R(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE, 0, 0, 0));
  R(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_PROCESS_KEYRING, 0, 0, 0));
  R(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_NO_CHANGE, 0, 0, 0));
  R(ctl(KEYCTL_SET_REQKEY_KEYRING, KEY_REQKEY_DEFL_GROUP_KEYRING, 0, 0, 0));
  R(ctl(KEYCTL_SET_REQKEY_KEYRING, 77, 0, 0, 0));
}

// Another user: his own rings, nothing of ours but what we let him.
static void stranger(void) {
  long key = add("user", "ours", "x", 1, KEY_SPEC_SESSION_KEYRING);
  R(ctl(KEYCTL_SETPERM, key, ALL | 0x01, 0, 0));
  R(ctl(KEYCTL_CHOWN, key, -1, -1, 0));
  pid_t child = fork();
  if (child == 0) {
    ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
    OK(setresgid(54321, 54321, 54321) == 0 && setresuid(54321, 54321, 54321) == 0);
    describe("ours", key);
    R(ctl(KEYCTL_READ, key, 0, 0, 0));
    R(ctl(KEYCTL_REVOKE, key, 0, 0, 0));
    R(ctl(KEYCTL_LINK, key, KEY_SPEC_USER_KEYRING, 0, 0));
    describe("his", KEY_SPEC_USER_KEYRING);
    long own = add("user", "own", "x", 1, KEY_SPEC_THREAD_KEYRING);
    R(ctl(KEYCTL_CHOWN, own, 0, -1, 0));
    R(ctl(KEYCTL_CHOWN, own, 54321, 54321, 0));
    char name[20];
    int made = 0;
    for (; made < 1000; made++) {
      sprintf(name, "k%d", made);
      if (add("user", name, "x", 1, KEY_SPEC_THREAD_KEYRING) < 0) break;
    }
    OK(errno == EDQUOT && made < 250);
    _exit(failures);
  }
  reap("stranger", child);
}

int main(void) {
  S(ctl(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0));
  errors();
  contents();
  rings();
  ends();
  whose();
  stranger();
  return done();
}
