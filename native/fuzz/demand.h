// What a fuzz target demands of the code under test: where it does not hold, the process says so and ends,
// and libFuzzer keeps the input.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace indelible::fuzz {

inline void demand(bool held, const char* sentence) {
  if (held) [[likely]]
    return;
  std::fprintf(stderr, "does not hold: %s\n", sentence);
  std::abort();
}

}  // namespace indelible::fuzz
