// guest: needs=root
// Namespaces are counted and given back: far more than may live at a time can be made one after the other.
#include "t.h"

int main(void) {
  int made = 0;
  for (int i = 0; i < 6000; i++) made += unshare(CLONE_NEWUTS | CLONE_NEWCGROUP) == 0;
  R(made);
  return failures;
}
