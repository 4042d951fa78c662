// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdio>
#include <cstdlib>

namespace lkl_test {

// What does not hold is a crash to the engine.
inline void check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "check failed: %s\n", what);
  std::abort();
}

}  // namespace lkl_test
