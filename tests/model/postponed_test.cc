// SPDX-License-Identifier: GPL-2.0
// Work that is put off (host/io/postponed.h): it gets done though nobody has more of it, and is not
// touched when its device has gone.
#include <gtest/gtest.h>

#include "checker.h"
#include "std_atomics.h"
// after that
#include "io/postponed.h"

namespace {

using lkl::host::Postponed;
using model::Checker;
using model::Memory;
using model::Result;

struct World {
  int frames = 0;   // that wait
  int gone = 0;     // the device is
  int touched = 0;  // after that
};

struct Device final : Postponed::Work {
  explicit Device(World& world) : world(&world) {}
  void do_now() override {
    if (MODEL_LOAD(world->gone)) MODEL_STORE(world->touched, 1);
    MODEL_XCHG(world->frames, 0);
  }
  World* world;
};

void send(Postponed& postponed, World& world, Device& device) {
  MODEL_FETCH_ADD(world.frames, 1);
  if (postponed.postpone(device, 0)) return;
  postponed.withdraw(device);
  device.do_now();
}

struct Scene {
  bool waiter = false;    // somebody goes to sleep
  bool goes = false;      // the device does
  bool weakened = false;  // stores are no barriers
};

Result play(Memory memory, const Scene& scene) {
  Postponed postponed;
  World world;
  Device device(world);
  if (scene.weakened) model::weakened = std::as_bytes(std::span(&postponed, 1));
  Checker checker({.memory = memory});
  checker.region("postponed", postponed);
  checker.region("world", world);
  checker.thread("application", [&] {
    send(postponed, world, device);
    if (scene.goes) {  // as VirtioNet::reset()
      if (postponed.withdraw(device)) device.do_now();
      postponed.wait_for_others();
      MODEL_STORE(world.gone, 1);
    } else {
      send(postponed, world, device);
    }
  });
  checker.thread("minder", [&] {
    postponed.promise();
    postponed.settle();
    postponed.break_promise();
  });
  if (scene.waiter) checker.thread("waiter", [&] { postponed.settle(); });
  checker.when_quiet("a frame is left", [&] { return world.frames == 0; });
  checker.when_quiet("a device that has gone is touched", [&] { return world.touched == 0; });
  return checker.run();
}

class PostponedTest : public ::testing::TestWithParam<Memory> {
 protected:
  void TearDown() override { model::weakened = {}; }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, PostponedTest, ::testing::Values(Memory::kTso, Memory::kPso),
                         [](const auto& info) {
                           return info.param == Memory::kTso ? "tso" : "pso";
                         });

TEST_P(PostponedTest, NothingIsLeft) {
  const Result result = play(GetParam(), {.waiter = true});
  EXPECT_TRUE(result.proven()) << result.text();
}

TEST_P(PostponedTest, NothingIsTouchedThatHasGone) {
  const Result result = play(GetParam(), {.waiter = true, .goes = true});
  EXPECT_TRUE(result.proven()) << result.text();
}

TEST_P(PostponedTest, WhoBreaksAPromiseMustSaySoFirst) {
  const Result result = play(GetParam(), {.weakened = true});
  EXPECT_NE(result.failure, "") << result.text();
}
