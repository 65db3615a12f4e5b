// The witness of the attacks: it answers each line on its standard input, after it has looked whether its memory, its floating point
// registers, its files and processes are as it left them.
#include "../../guest/c/t.h"

enum { WORDS = 1 << 17 };
static unsigned long words[WORDS];

static bool is_whole(int file) {
  for (unsigned long i = 0; i < WORDS; i++) if (words[i] != i * 0x9e3779b97f4a7c15) return false;
  char text[8] = "";
  if (pread(file, text, 7, 0) != 7 || strcmp(text, "witness") != 0) return false;
  int status = 0;
  pid_t child = fork();
  if (child == 0) _exit(words[1000] == 1000 * 0x9e3779b97f4a7c15 ? 42 : 1);
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

int main(void) {
  char line[64];
  int file = open("/tmp/witness", O_RDWR | O_CREAT | O_TRUNC, 0600);
  volatile double third = 1.0 / 3;
  if (file < 0 || write(file, "witness", 7) != 7) return 1;
  for (unsigned long i = 0; i < WORDS; i++) words[i] = i * 0x9e3779b97f4a7c15;
  while (fgets(line, sizeof line, stdin)) {
    puts(is_whole(file) && third * 3 == 1.0 ? "whole" : "broken");
    fflush(stdout);
  }
  return 0;
}
