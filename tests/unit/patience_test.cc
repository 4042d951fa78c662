// SPDX-License-Identifier: GPL-2.0
// When a thread looks before it sleeps: also where to be woken takes longer than it looks.
#include "core/patience.h"

#include <gtest/gtest.h>

namespace {

using lkl::host::Patience;

// Waits of a thread whose answer is there after this time, if it looks; else the waking comes on
// top.
unsigned looks_of(Patience& patience, unsigned waits, uint64_t answer_ns, uint64_t waking_ns) {
  unsigned looks = 0;
  for (unsigned i = 0; i < waits; ++i) {
    const uint64_t look_ns = patience.look_ns();
    looks += look_ns > 0;
    patience.waited(answer_ns < look_ns ? answer_ns : answer_ns + waking_ns);
  }
  return looks;
}

}  // namespace

TEST(Patience, LooksEachTimeWhereAnswersAreSoonThoughWakingTakesLong) {
  for (const uint64_t waking_ns : {5'000, 80'000, 300'000}) {
    Patience patience;
    EXPECT_EQ(looks_of(patience, 101, 20'000, waking_ns), 100u) << waking_ns;
  }
}

TEST(Patience, SeldomLooksWhereAnswersAreNotSoon) {
  Patience patience;
  EXPECT_LE(looks_of(patience, 320, 200'000, 5'000), 15u);
  // and finds out when they are again
  looks_of(patience, Patience::kMostSkips + 1, 20'000, 5'000);
  EXPECT_EQ(looks_of(patience, 100, 20'000, 5'000), 100u);
}

TEST(Patience, NeverLooksWhereNothingHappens) {
  Patience patience;
  EXPECT_EQ(looks_of(patience, 1000, 5'000'000, 5'000), 0u);
}
