#include <stdio.h>
#include "expr.h"
int main(int argc, char **argv) {
  int error = 0;
  long v = argc > 1 ? evaluate(argv[1], &error) : 0;
  if (error) { fprintf(stderr, "bad expression\n"); return 2; }
  printf("%ld\n", v);
  return 0;
}
