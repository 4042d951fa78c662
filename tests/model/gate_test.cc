// SPDX-License-Identifier: GPL-2.0
// Where threads of the library are held over a fork (host/core/gate.h): whoever forks finds
// them parked, however soon after another fork.
#include <gtest/gtest.h>

#include "checker.h"
#include "std_atomics.h"
// after that
#include "core/gate.h"

namespace lkl::host {

// As if it were woken by each change; each deadline has passed when somebody looks.
void wait_on(std::atomic<int>& word, int value, uint64_t deadline_ns) {
  if (deadline_ns == UINT64_MAX) word.wait(value);
}
void wake_one(std::atomic<int>&) {}
uint64_t monotonic_ns() {
  return 1;
}

}  // namespace lkl::host

namespace {

using model::Checker;
using model::Memory;
using model::Result;

// What was there before: the thread says that it is parked by a word of its own.
class TwoWords {
 public:
  bool closed() { return paused_.load() != 0; }
  bool park(uint64_t) {
    parked_.store(1);
    paused_.wait(1);
    parked_.store(0);
    return true;
  }
  void close() { paused_.store(1); }
  void wait_parked() { parked_.wait(0); }
  void open() { paused_.store(0); }

 private:
  std::atomic<int> paused_ = 0;
  std::atomic<int> parked_ = 0;
};

// One works, or parks when it is asked to; another holds it twice.
template <class Kind>
Result holds_it(Memory memory, uint64_t deadline = UINT64_MAX) {
  Kind gate;
  int at_work = 0, stop = 0;
  Checker checker({.memory = memory});
  checker.region("gate", gate);
  checker.region("at work", at_work);
  checker.region("stop", stop);
  checker.thread("library's", [&] {
    // as the minder: it hands over what is there, then looks at the gate
    while (!MODEL_LOAD(stop)) {
      MODEL_STORE(at_work, 1);
      MODEL_STORE(at_work, 0);
      if (gate.closed())
        while (!gate.park(deadline)) {
        }
    }
  });
  checker.thread("forks", [&] {
    for (int i = 0; i < 2; ++i) {
      gate.close();
      gate.wait_parked();
      for (int look = 0; look < 3; ++look) model_require(MODEL_LOAD(at_work) == 0);
      gate.open();
    }
    MODEL_STORE(stop, 1);
  });
  return checker.run();
}

class GateTest : public ::testing::TestWithParam<Memory> {};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, GateTest, ::testing::Values(Memory::kTso, Memory::kPso),
                         [](const auto& info) {
                           return info.param == Memory::kTso ? "tso" : "pso";
                         });

TEST_P(GateTest, IsShutWhileItIsHeld) {
  const Result result = holds_it<lkl::host::Gate>(GetParam());
  EXPECT_TRUE(result.proven()) << result.text();
}

// The minder: between two parkings it still stands still.
TEST_P(GateTest, IsShutForWhoLooksFromTimeToTime) {
  const Result result = holds_it<lkl::host::Gate>(GetParam(), 0);
  EXPECT_TRUE(result.proven()) << result.text();
}

TEST_P(GateTest, OneWordIsNeeded) {
  const Result result = holds_it<TwoWords>(GetParam());
  EXPECT_NE(result.failure, "") << result.text();
}
