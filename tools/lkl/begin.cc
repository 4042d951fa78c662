// SPDX-License-Identifier: GPL-2.0
#include "lkl/begin.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/descriptors.h"
#include "base/terminal.h"

namespace lkl::tool {

namespace {

// Copies and comparisons take some stack for each level of a tree, and an image may hold a very
// deep one. Linux keeps 128 MiB free below the main thread's stack; the limit holds as it is when
// the stack grows.
void allow_deep_trees() {
  constexpr rlim_t kEnough = 96 << 20;
  struct rlimit limit = {};
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  limit.rlim_cur = std::min(kEnough, limit.rlim_max);
  setrlimit(RLIMIT_STACK, &limit);
}

}  // namespace

void begin_program(int&, char**&) {
  occupy_standard_descriptors();
  protect_terminal();
  allow_deep_trees();
}

}  // namespace lkl::tool
