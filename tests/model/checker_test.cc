// SPDX-License-Identifier: GPL-2.0
// The checker finds what is wrong with small programs, and only that.
#include <string>

#include <gtest/gtest.h>

#include "checker.h"
#include "words.h"

namespace {

using model::Checker;
using model::Memory;
using model::Result;
using model::Role;

void expect_failure(const Result& result, const std::string& what) {
  EXPECT_NE(result.failure.find(what), std::string::npos) << result.text();
  EXPECT_FALSE(result.steps.empty());
}

struct Lock {
  int word = 0;
  int turn = 0;
  int wants[2] = {0, 0};
  int inside = 0;

  void critical() {
    model_require(++inside == 1);
    model_point("inside");
    --inside;
  }
};

Result check_lock(Memory memory, void (*round)(Lock& lock, int self)) {
  Lock lock;
  Checker checker({.memory = memory});
  checker.region("lock", lock);
  for (int self : {0, 1}) {
    checker.thread(self ? "B" : "A", [&lock, round, self] {
      for (int i = 0; i < 2; ++i) round(lock, self);
    });
  }
  return checker.run();
}

void exchange_lock(Lock& lock, int) {
  while (MODEL_XCHG(lock.word, 1)) {
  }
  lock.critical();
  MODEL_STORE_RELEASE(lock.word, 0);
}

void look_then_set_lock(Lock& lock, int) {
  while (MODEL_LOAD(lock.word)) {
  }
  MODEL_STORE(lock.word, 1);
  lock.critical();
  MODEL_STORE(lock.word, 0);
}

template <model_order kOrder>
void peterson_lock(Lock& lock, int self) {
  MODEL_STORE_AS(kOrder, lock.wants[self], 1);
  MODEL_STORE_AS(kOrder, lock.turn, 1 - self);
  while (MODEL_LOAD(lock.wants[1 - self]) && MODEL_LOAD(lock.turn) == 1 - self) {
  }
  lock.critical();
  MODEL_STORE_AS(kOrder, lock.wants[self], 0);
}

// One sleeps until there is work; both words as in host/posix/wait.cc.
struct Sleeper {
  int work = 0;
  int sleeping = 0;
  int woken = 0;
};

enum class Handshake { kRight, kNoLookBeforeSleep, kAnnouncedLate, kRelaxed };

Result check_handshake(Handshake kind) {
  Sleeper sleeper;
  Checker checker({.memory = Memory::kTso});
  checker.region("sleeper", sleeper);
  checker.thread("sleeper", [&sleeper, kind] {
    const auto order = kind == Handshake::kRelaxed ? MODEL_RELAXED : MODEL_SEQ_CST;
    while (!MODEL_LOAD(sleeper.work)) {
      if (kind != Handshake::kAnnouncedLate) MODEL_STORE_AS(order, sleeper.sleeping, 1);
      if (kind == Handshake::kNoLookBeforeSleep || !MODEL_LOAD(sleeper.work)) {
        if (kind == Handshake::kAnnouncedLate) MODEL_STORE(sleeper.sleeping, 1);
        model_block_until([](const void* woken) { return *static_cast<const int*>(woken) != 0; },
                          &sleeper.woken, "a wake");
        MODEL_STORE(sleeper.woken, 0);
      }
      MODEL_STORE(sleeper.sleeping, 0);
    }
  });
  checker.thread("waker", [&sleeper] {
    MODEL_STORE(sleeper.work, 1);
    if (MODEL_LOAD(sleeper.sleeping)) MODEL_STORE(sleeper.woken, 1);
  });
  return checker.run();
}

}  // namespace

TEST(Checker, ProvesALock) {
  for (const Memory memory : {Memory::kSequential, Memory::kTso, Memory::kPso}) {
    const Result result = check_lock(memory, exchange_lock);
    EXPECT_TRUE(result.proven()) << result.text();
  }
}

TEST(Checker, FindsTwoHoldersOfABrokenLock) {
  const Result result = check_lock(Memory::kSequential, look_then_set_lock);
  expect_failure(result, "not true: ++inside == 1");
  // both look, both set, one goes in, the other one as well
  EXPECT_LE(result.steps.size(), 10u) << result.text();
}

TEST(Checker, PetersonsLockNeedsSequentialStores) {
  const Result good = check_lock(Memory::kPso, peterson_lock<MODEL_SEQ_CST>);
  EXPECT_TRUE(good.proven()) << good.text();
  const Result no_buffers = check_lock(Memory::kSequential, peterson_lock<MODEL_RELAXED>);
  EXPECT_TRUE(no_buffers.proven()) << no_buffers.text();
  expect_failure(check_lock(Memory::kTso, peterson_lock<MODEL_RELEASE>), "++inside == 1");
}

TEST(Checker, FindsALostWakeUp) {
  const Result good = check_handshake(Handshake::kRight);
  EXPECT_TRUE(good.proven()) << good.text();
  expect_failure(check_handshake(Handshake::kNoLookBeforeSleep), "deadlock");
  expect_failure(check_handshake(Handshake::kAnnouncedLate), "deadlock");
  expect_failure(check_handshake(Handshake::kRelaxed), "deadlock");
}

TEST(Checker, FindsThreadsThatSpinForEachOther) {
  int ready[2] = {0, 0};
  Checker checker({});
  checker.region("ready", ready);
  for (int self : {0, 1}) {
    checker.thread(self ? "B" : "A", [&ready, self] {
      while (!MODEL_LOAD(ready[1 - self])) {
      }
      MODEL_STORE(ready[self], 1);
    });
  }
  expect_failure(checker.run(), "trap");
}

TEST(Checker, ALoopOfChoicesKeepsNobodyBack) {
  int word = 0;
  Checker checker({});
  checker.region("word", word);
  checker.thread("chooser", [] {
    while (model_choose(2, "go on?")) {
    }
  });
  checker.thread("other", [&word] { MODEL_STORE(word, 1); });
  checker.thread("reader", [&word] { model_require(MODEL_LOAD(word) == 0); });
  expect_failure(checker.run(), "MODEL_LOAD(word) == 0");
}

TEST(Checker, AHandlerComesBetweenAnyTwoSteps) {
  const auto count = [](bool atomically) {
    struct {
      int value = 0;
      int signals = 0;
    } counter;
    Checker checker({});
    checker.region("counter", counter);
    checker.thread("counts", [&counter, atomically] {
      if (atomically)
        MODEL_FETCH_ADD(counter.value, 1);
      else
        MODEL_STORE(counter.value, MODEL_LOAD(counter.value) + 1);
    });
    checker.signals(2, [&counter] {
      MODEL_FETCH_ADD(counter.value, 1);
      ++counter.signals;
    });
    checker.at_end("all is counted", [&counter] { return counter.value == 1 + counter.signals; });
    return checker.run();
  };
  const Result good = count(true);
  EXPECT_TRUE(good.proven()) << good.text();
  EXPECT_GT(good.states, 4u) << "no, one and two signals, before and after";
  expect_failure(count(false), "all is counted");
}

TEST(Checker, TheEnvironmentDoesNotHideWhoSleepsTooLong) {
  struct {
    int now = 0;
    int done = 0;
  } clock;
  Checker checker({});
  checker.region("clock", clock);
  checker.thread("sleeper", [&clock] {
    model_block_until([](const void* now) { return *static_cast<const int*>(now) >= 2; },
                      &clock.now, "time 2");
    MODEL_STORE(clock.done, 1);
  });
  checker.thread(
      "clock",
      [&clock] {
        while (clock.now < 3) MODEL_STORE(clock.now, clock.now + 1);
      },
      Role::kEnvironment);
  checker.when_quiet("nobody sleeps", [&clock] { return clock.done || clock.now > 0; });
  expect_failure(checker.run(), "not true when nothing moves: nobody sleeps");
}

TEST(Checker, ABoundOnPreemptionsLeavesOutTheRest) {
  const auto lost_updates = [](int preemptions) {
    int counter = 0;
    Checker checker({.preemptions = preemptions});
    checker.region("counter", counter);
    for (const char* name : {"A", "B"})
      checker.thread(name, [&counter] { MODEL_STORE(counter, MODEL_LOAD(counter) + 1); });
    checker.at_end("both have counted", [&counter] { return counter == 2; });
    return checker.run();
  };
  EXPECT_TRUE(lost_updates(0).proven());
  expect_failure(lost_updates(1), "both have counted");
  expect_failure(lost_updates(-1), "both have counted");
}

TEST(Checker, MemoryInNoRegionIsRefused) {
  static int forgotten = 0;
  Checker checker({});
  checker.thread("A", [] { MODEL_STORE(forgotten, 1); });
  expect_failure(checker.run(), "no region");
}

TEST(Checker, SaysWhenItIsNotThrough) {
  uint64_t counter = 0;
  Checker checker({.max_states = 1000});
  checker.region("counter", counter);
  checker.thread("counts", [&counter] {
    while (MODEL_FETCH_ADD(counter, 1) < 100000) {
    }
  });
  const Result result = checker.run();
  EXPECT_TRUE(result.failure.empty());
  EXPECT_FALSE(result.proven());
  EXPECT_NE(result.text().find("not complete"), std::string::npos);
}

TEST(Checker, AListingNamesThreadsWordsAndValues) {
  int word = 0;
  Checker checker({.memory = Memory::kTso});
  checker.region("memory", word);
  checker.name(7, "seven");
  checker.thread("writer", [&word] { MODEL_STORE_RELEASE(word, 7); });
  checker.invariant("never seven", [&word] { return word != 7; });
  const Result result = checker.run();
  EXPECT_EQ(result.failure, "not true: never seven");
  ASSERT_GE(result.steps.size(), 2u);
  EXPECT_EQ(result.steps[0], "   1  writer       store release  word [memory+0]  seven");
  EXPECT_EQ(result.steps[1], "   2  writer       is seen         [memory+0]  seven");
  EXPECT_EQ(word, 0) << "the first contents are there again";
}
