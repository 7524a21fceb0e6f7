// The smallest test harness that names what failed: TEST registers, CHECK counts, main runs all or one.
#pragma once

#include <cstdio>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Registration {
  Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

inline bool report(bool held, const char* condition, const char* file, int line) {
  if (!held) {
    failures()++;
    std::printf("%s:%d: CHECK(%s) does not hold\n", file, line, condition);
  }
  return held;
}

}  // namespace check

#define CHECK(condition) check::report(static_cast<bool>(condition), #condition, __FILE__, __LINE__)

#define TEST(name)                                                     \
  static void test_##name();                                           \
  static const check::Registration registration_##name(#name, test_##name); \
  static void test_##name()
