// SPDX-License-Identifier: GPL-2.0
// Whoever waits in the event loop (host/posix/wakeup.cc): no kick is ever lost.
#include "model_eventfd.h"

#include <gtest/gtest.h>

namespace {

using model::Checker;
using model::Memory;
using model::Result;

class WakeupTest : public ::testing::TestWithParam<Memory> {
 protected:
  void TearDown() override { model::weakened = {}; }

  // One looks for work and sleeps; others make work and kick.
  Result kicks(bool weakened) {
    lkl::host::Wakeup wakeup;
    EXPECT_EQ(wakeup.open(), 0);
    if (weakened) model::weakened = std::as_bytes(std::span(&wakeup, 1));
    int work = 0, done = 0;
    Checker checker({.memory = GetParam()});
    checker.region("eventfd", model_event_count);
    checker.region("wakeup", wakeup);
    checker.region("work", work);
    checker.region("done", done);
    checker.thread("sleeper", [&] {
      while (done < 3) {
        if (wakeup.going_to_sleep()) {
          model_poll_event();
          wakeup.awake(true);
        }
        done += MODEL_XCHG(work, 0);
      }
    });
    for (const int number : {2, 1}) {
      checker.thread(number == 2 ? "A" : "B", [&, number] {
        for (int i = 0; i < number; ++i) {
          MODEL_FETCH_ADD(work, 1);
          wakeup.kick();
        }
      });
    }
    return checker.run();
  }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, WakeupTest, ::testing::Values(Memory::kTso, Memory::kPso),
                         [](const auto& info) {
                           return info.param == Memory::kTso ? "tso" : "pso";
                         });

TEST_P(WakeupTest, NoKickIsLost) {
  const Result result = kicks(false);
  EXPECT_TRUE(result.proven()) << result.text();
}

// There is no second look at an eventfd.
TEST_P(WakeupTest, TheSleeperMustAnnounceItselfFirst) {
  const Result result = kicks(true);
  EXPECT_EQ(result.failure, "deadlock") << result.text();
}
