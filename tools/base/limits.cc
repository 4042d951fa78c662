// SPDX-License-Identifier: GPL-2.0
#include "base/limits.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>

namespace lkl::tool {

namespace {

// Of the process, as limits are.
std::optional<rlimit> stack_before, files_before;

}  // namespace

void allow_deep_trees() {
  constexpr rlim_t kEnough = 96 << 20;
  rlimit limit = {};
  if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  stack_before = limit;
  limit.rlim_cur = std::min(kEnough, limit.rlim_max);
  setrlimit(RLIMIT_STACK, &limit);
}

void allow_many_files() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  files_before = limit;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void restore_limits() noexcept {
  if (stack_before) setrlimit(RLIMIT_STACK, &*stack_before);
  if (files_before) setrlimit(RLIMIT_NOFILE, &*files_before);
}

}  // namespace lkl::tool
