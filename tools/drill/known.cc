// SPDX-License-Identifier: GPL-2.0
#include "drill/known.h"

namespace lkl::tool::drill {

namespace {

struct Known {
  const char* script;
  unsigned ticks;  // with so many it can
  const char* reason;
};

constexpr unsigned kThousand = 1000;
constexpr Known kKnown[] = {
    {"tcp_slow_start_slow-start-after-win-update", kThousand,
     "its times are those of a kernel with HZ=1000; preset nettests has it"},
};

}  // namespace

std::string why_not(const std::string& script, unsigned ticks) {
  for (const Known& known : kKnown)
    if (script == known.script && ticks < known.ticks) return known.reason;
  return {};
}

}  // namespace lkl::tool::drill
