// SPDX-License-Identifier: GPL-2.0
// What the checker's memory can do and what it can't: programs of two threads whose
// possible outcomes are known.
#include <functional>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "checker.h"

namespace {

using model::Checker;
using model::Memory;
using Outcomes = std::set<std::pair<int, int>>;

struct Words {
  int x = 0, y = 0;
  int seen[2] = {-1, -1};

  static void store(int& word, int value, model_order order) {
    model_store(&word, sizeof word, static_cast<uint64_t>(value), order, "word");
  }
  static int load(const int& word) {
    return static_cast<int>(model_load(&word, sizeof word, "word"));
  }
};

Outcomes outcomes_of(Memory memory, Words& words, std::function<void()> a,
                     std::function<void()> b) {
  Outcomes outcomes;
  Checker checker({.memory = memory});
  checker.region("words", words);
  checker.thread("a", std::move(a));
  checker.thread("b", std::move(b));
  checker.at_end("noted", [&] {
    outcomes.emplace(words.seen[0], words.seen[1]);
    return true;
  });
  const model::Result result = checker.run();
  EXPECT_TRUE(result.proven()) << result.text();
  return outcomes;
}

// Each stores to its word and looks at the other's.
Outcomes store_buffering(Memory memory, model_order order, bool fence = false) {
  Words words;
  return outcomes_of(
      memory, words,
      [&] {
        Words::store(words.x, 1, order);
        if (fence) model_fence();
        words.seen[0] = Words::load(words.y);
      },
      [&] {
        Words::store(words.y, 1, order);
        if (fence) model_fence();
        words.seen[1] = Words::load(words.x);
      });
}

// One stores the message, then the flag; the other looks at the flag, then the message.
Outcomes message_passing(Memory memory, model_order flag_order) {
  Words words;
  return outcomes_of(
      memory, words,
      [&] {
        Words::store(words.x, 1, MODEL_RELAXED);
        Words::store(words.y, 1, flag_order);
      },
      [&] {
        words.seen[0] = Words::load(words.y);
        words.seen[1] = Words::load(words.x);
      });
}

const Outcomes kOneSeesTheOther = {{0, 1}, {1, 0}, {1, 1}};
const Outcomes kAll = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
const Outcomes kFlagAfterMessage = {{0, 0}, {0, 1}, {1, 1}};

}  // namespace

TEST(Litmus, StoresThatWaitInBuffersAreNotSeenInTime) {
  EXPECT_EQ(store_buffering(Memory::kTso, MODEL_RELAXED), kAll);
  EXPECT_EQ(store_buffering(Memory::kTso, MODEL_RELEASE), kAll);
  EXPECT_EQ(store_buffering(Memory::kPso, MODEL_RELEASE), kAll);
}

TEST(Litmus, SequentialStoresAndFencesAreSeen) {
  EXPECT_EQ(store_buffering(Memory::kTso, MODEL_SEQ_CST), kOneSeesTheOther);
  EXPECT_EQ(store_buffering(Memory::kPso, MODEL_SEQ_CST), kOneSeesTheOther);
  EXPECT_EQ(store_buffering(Memory::kTso, MODEL_RELAXED, true), kOneSeesTheOther);
  EXPECT_EQ(store_buffering(Memory::kSequential, MODEL_RELAXED), kOneSeesTheOther);
}

TEST(Litmus, AFlagComesBeforeItsMessageOnlyByPsoAndRelaxed) {
  EXPECT_EQ(message_passing(Memory::kTso, MODEL_RELAXED), kFlagAfterMessage);
  EXPECT_EQ(message_passing(Memory::kPso, MODEL_RELAXED), kAll);
  EXPECT_EQ(message_passing(Memory::kPso, MODEL_RELEASE), kFlagAfterMessage);
}

TEST(Litmus, AThreadSeesItsOwnStores) {
  Words words;
  const auto outcomes = outcomes_of(
      Memory::kPso, words,
      [&] {
        Words::store(words.x, 1, MODEL_RELAXED);
        Words::store(words.x, 2, MODEL_RELAXED);
        words.seen[0] = Words::load(words.x);
      },
      [&] { words.seen[1] = Words::load(words.x); });
  EXPECT_EQ(outcomes, (Outcomes{{2, 0}, {2, 1}, {2, 2}}));
}

// A third thread that sees x may not see the y that the second saw before it stored.
TEST(Litmus, AStoreIsSeenByAllAtOnce) {
  Words words;
  int relayed = 0, first = -1, second = -1;
  Checker checker({.memory = Memory::kPso});
  checker.region("words", words);
  checker.region("relayed", relayed);
  checker.region("first", first);
  checker.region("second", second);
  checker.thread("a", [&] { Words::store(words.x, 1, MODEL_RELAXED); });
  checker.thread("b", [&] { Words::store(relayed, Words::load(words.x), MODEL_RELAXED); });
  checker.thread("c", [&] {
    first = Words::load(relayed);
    second = Words::load(words.x);
  });
  checker.at_end("what b has seen c sees", [&] { return first <= second; });
  const model::Result result = checker.run();
  EXPECT_TRUE(result.proven()) << result.text();
}
