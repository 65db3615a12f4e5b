#include "expr.h"
static const char *p;
static int bad;
static long sum(void);
static long atom(void) {
  if (*p == '(') { p++; long v = sum(); if (*p == ')') p++; else bad = 1; return v; }
  if (*p < '0' || *p > '9') { bad = 1; return 0; }
  long v = 0;
  while (*p >= '0' && *p <= '9') v = v * 10 + *p++ - '0';
  return v;
}
static long product(void) {
  long v = atom();
  while (*p == '*' || *p == '/') {
    char op = *p++;
    long w = atom();
    if (op == '*') v *= w;
    else if (w == 0) bad = 1;
    else v /= w;
  }
  return v;
}
static long sum(void) {
  long v = product();
  while (*p == '+' || *p == '-') { char op = *p++; long w = product(); v = op == '+' ? v + w : v - w; }
  return v;
}
long evaluate(const char *text, int *error) { p = text; bad = 0; long v = sum(); *error = bad || *p; return v; }
