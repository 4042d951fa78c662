// SPDX-License-Identifier: GPL-2.0
// libFuzzer reads counters from a section of that name, and clears them before each
// run. Shared memory takes its place, so that a forked child counts into it.
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "fuzz/engine.h"

namespace {

constexpr size_t kCounters = 1 << 17;
alignas(4096) __attribute__((section("__libfuzzer_extra_counters"))) uint8_t counters[kCounters];

}  // namespace

// A run takes some ten thousand blocks. To know which of them are rare, as its default
// power schedule does, takes longer than the run.
void lkl_fuzz::engine_defaults(int* argc, char*** argv) {
  static char schedule[] = "-entropic=0";
  static std::vector<char*> arguments;
  arguments.assign(*argv, *argv + *argc);
  arguments.insert(arguments.begin() + 1, schedule);
  arguments.push_back(nullptr);
  ++*argc;
  *argv = arguments.data();
}

std::span<uint8_t> lkl_fuzz::engine_counters() {
  static const bool shared = [] {
    if (mmap(counters, sizeof counters, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == counters)
      return true;
    std::perror("no shared memory for the counters");
    std::exit(1);
  }();
  (void)shared;
  return counters;
}
