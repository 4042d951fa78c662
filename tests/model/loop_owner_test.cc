// SPDX-License-Identifier: GPL-2.0
// Who has the event loop (host/core/loop_owner.h): when nobody else has, the minder comes to look.
#include <gtest/gtest.h>

#include "checker.h"
#include "std_atomics.h"
// after that
#include "core/loop_owner.h"

namespace lkl::host {

// An alarm that is set goes off at some time; handle_ tells whether it is.
Alarm::~Alarm() = default;
int Alarm::open() {
  handle_ = 0;
  return 0;
}
void Alarm::set(uint64_t when) {
  MODEL_STORE(handle_, when == UINT64_MAX ? 0 : 1);
}
void Alarm::sleep() {
  model_block_until([](const void* set) { return *static_cast<const int64_t*>(set) != 0; },
                    &handle_, "alarm");
  MODEL_STORE(handle_, 0);
}

}  // namespace lkl::host

namespace {

using lkl::host::LoopOwner;
using model::Checker;
using model::Memory;
using model::Result;

struct World {
  int work = 0;    // for the minder
  int kicked = 0;  // the loop is
  int taken = 0;   // somebody has it
};

void mind(LoopOwner& loop, World& world, const void* self) {
  for (;;) {
    loop.begin();
    MODEL_XCHG(world.work, 0);
    if (loop.take(self)) {
      if (loop.had_turns()) {  // others come and go: it only looks at the clock
        loop.leave();
        loop.guard_until(UINT64_MAX);
        continue;
      }
      world.taken = 1;
      if (!loop.wanted())
        model_block_until([](const void* kicked) { return *static_cast<const int*>(kicked) != 0; },
                          &world.kicked, "the minder in the loop");
      MODEL_STORE(world.kicked, 0);
      world.taken = 0;
      loop.leave();
    } else {
      loop.guard();
    }
  }
}

void have_it(LoopOwner& loop, World& world, const void* self, bool for_long) {
  if (!loop.take(self)) return;
  world.taken = 1;
  loop.stays(for_long);
  world.taken = 0;
  loop.leave();
}

// Two that come and go, one of them for long, and somebody with work for the minder.
Result play(Memory memory, bool weakened) {
  LoopOwner loop;
  World world;
  EXPECT_EQ(loop.open(), 0);
  if (weakened) model::weakened = std::as_bytes(std::span(&loop, 1));
  Checker checker({.memory = memory});
  checker.region("loop", loop);
  checker.region("world", world);
  int minder, executor, application;
  checker.thread(
      "minder", [&] { mind(loop, world, &minder); }, model::Role::kDaemon);
  checker.thread("executor", [&] {
    for (int i = 0; i < 2; ++i) have_it(loop, world, &executor, true);
  });
  checker.thread("application", [&] {
    have_it(loop, world, &application, false);
    MODEL_STORE(world.work, 1);
    if (loop.want(&minder)) MODEL_STORE(world.kicked, 1);
    have_it(loop, world, &application, false);
  });
  checker.when_quiet("somebody has the loop", [&] { return world.taken == 1; });
  checker.when_quiet("what the minder is to do is done", [&] { return world.work == 0; });
  return checker.run();
}

class LoopOwnerTest : public ::testing::TestWithParam<Memory> {
 protected:
  void TearDown() override { model::weakened = {}; }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, LoopOwnerTest, ::testing::Values(Memory::kTso, Memory::kPso),
                         [](const auto& info) {
                           return info.param == Memory::kTso ? "tso" : "pso";
                         });

TEST_P(LoopOwnerTest, TheMinderComesWhenNobodyElseDoes) {
  const Result result = play(GetParam(), false);
  EXPECT_TRUE(result.proven()) << result.text();
}

TEST_P(LoopOwnerTest, WhoLeavesMustSaySoFirst) {
  const Result result = play(GetParam(), true);
  EXPECT_NE(result.failure, "") << result.text();
}
