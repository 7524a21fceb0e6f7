// Runs every registered test, or those whose name contains the first argument.
#include <cstring>

#include "check.h"

int main(int count, char** arguments) {
  int ran = 0;
  for (const check::Test& test : check::tests()) {
    if (count > 1 && std::strstr(test.name, arguments[1]) == nullptr) continue;
    const int before = check::failures();
    test.run();
    ran++;
    std::printf("%s %s\n", check::failures() == before ? "ok  " : "FAIL", test.name);
  }
  std::printf("%d tests, %d failed checks\n", ran, check::failures());
  return check::failures() == 0 && ran > 0 ? 0 : 1;
}
