// SPDX-License-Identifier: GPL-2.0
#include "support/faulty_loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/temporary_file.h"

namespace {

using lkl_test::FaultyLoop;
using lkl_test::TemporaryFile;

struct Result final : lkl::host::IoCompletion {
  int calls = 0;
  int64_t value = 0;
  std::vector<Result*>* order = nullptr;
  void done(int64_t result) override {
    ++calls;
    value = result;
    if (order) order->push_back(this);
  }
};

constexpr FaultyLoop::Rates kNone = {0, 0, 0, 0};

// What reads of 100 bytes each end with.
std::vector<int64_t> results_of(FaultyLoop& loop, unsigned count) {
  const TemporaryFile file(4096);
  std::vector<int64_t> values;
  char bytes[100];
  const lkl::host::IoVec vector[] = {{bytes, 60}, {bytes + 60, 40}};
  for (unsigned i = 0; i < count; ++i) {
    Result result;
    loop.read(file.fd(), vector, 0, result);
    while (result.calls == 0) loop.wait(UINT64_MAX);
    values.push_back(result.value);
  }
  return values;
}

}  // namespace

TEST(FaultyLoop, WithoutFaultsItIsTheLoopItself) {
  FaultyLoop loop(lkl::host::make_event_loop(), 1, kNone);
  EXPECT_EQ(results_of(loop, 50), std::vector<int64_t>(50, 100));
}

TEST(FaultyLoop, OneSeedOneSequence) {
  FaultyLoop one(lkl::host::make_event_loop(), 7), two(lkl::host::make_event_loop(), 7),
      other(lkl::host::make_event_loop(), 8);
  const auto first = results_of(one, 200);
  EXPECT_EQ(first, results_of(two, 200));
  EXPECT_NE(first, results_of(other, 200));
}

TEST(FaultyLoop, EachFaultComes) {
  FaultyLoop loop(lkl::host::make_event_loop(), 3);
  std::map<int64_t, unsigned> seen;
  unsigned shortened = 0;
  for (const int64_t value : results_of(loop, 2000)) {
    if (value > 0 && value < 100)
      ++shortened;
    else
      ++seen[value];
  }
  EXPECT_GT(seen[100], 500u);
  EXPECT_GT(shortened, 100u);
  for (const int error : {EINTR, EAGAIN, ECANCELED, ENOMEM, EFAULT})
    EXPECT_GT(seen[-error], 10u) << error;
  EXPECT_EQ(seen.size(), 6u);  // and nothing else
  EXPECT_EQ(loop.counts().operations, 2000u);
  EXPECT_GT(loop.counts().late, 100u);
}

TEST(FaultyLoop, AShortWriteWritesWhatItSays) {
  FaultyLoop loop(lkl::host::make_event_loop(), 5,
                  {.short_transfers = 1000, .errors_before = 0, .errors_after = 0, .late = 0});
  const TemporaryFile file(0);
  std::string text = "hello world";
  const lkl::host::IoVec vector[] = {{text.data(), 5}, {text.data() + 5, 6}};
  Result result;
  loop.write(file.fd(), vector, 0, result);
  while (result.calls == 0) loop.wait(UINT64_MAX);
  ASSERT_GT(result.value, 0);
  ASSERT_LT(result.value, 11);
  EXPECT_EQ(lseek(file.fd(), 0, SEEK_END), result.value);
  std::string back(static_cast<size_t>(result.value), 0);
  ASSERT_EQ(pread(file.fd(), back.data(), back.size(), 0), result.value);
  EXPECT_EQ(back, text.substr(0, back.size()));
}

TEST(FaultyLoop, AnErrorBeforeLeavesItUndoneAnErrorAfterDoesNot) {
  const TemporaryFile file(0);
  char byte = 'x';
  const lkl::host::IoVec vector[] = {{&byte, 1}};
  for (const bool after : {false, true}) {
    FaultyLoop::Rates rates = kNone;
    (after ? rates.errors_after : rates.errors_before) = 1000;
    FaultyLoop loop(lkl::host::make_event_loop(), 1, rates);
    Result result;
    loop.write(file.fd(), vector, 0, result);
    loop.quiesce();
    EXPECT_EQ(result.calls, 1);
    EXPECT_LT(result.value, 0);
    EXPECT_EQ(lseek(file.fd(), 0, SEEK_END), after ? 1 : 0);
  }
}

TEST(FaultyLoop, ManyAtOnceEndOnceEachAndInAnotherOrder) {
  FaultyLoop loop(lkl::host::make_event_loop(), 11);
  const TemporaryFile file(4096);
  constexpr size_t kCount = 500;
  std::vector<char> bytes(kCount);
  std::vector<lkl::host::IoVec> vectors(kCount);
  std::vector<Result*> order;
  std::vector<Result> results(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    results[i].order = &order;
    vectors[i] = {&bytes[i], 1};
    loop.read(file.fd(), {&vectors[i], 1}, i, results[i]);
  }
  while (order.size() < kCount) loop.wait(UINT64_MAX);
  for (const Result& result : results) EXPECT_EQ(result.calls, 1);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}
