// SPDX-License-Identifier: GPL-2.0
// The contract of EventLoop, over both of its implementations.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "host.h"
#include "io/event_loop.h"

namespace {

using lkl::host::EventLoop;
using lkl::host::EventLoopKind;

struct Result final : lkl::host::IoCompletion {
  bool ended = false;
  int64_t value = 0;
  void done(int64_t result) override {
    ended = true;
    value = result;
  }
};

class LoopTest : public ::testing::TestWithParam<EventLoopKind> {
 protected:
  void SetUp() override {
    loop_ = lkl::host::make_event_loop(GetParam());
    if (!loop_) GTEST_SKIP() << "this host has no io_uring for us";
    loop_->set_submitter({[](void* self) { static_cast<EventLoop*>(self)->kick(); }, loop_.get()});
    std::string name = "/tmp/lkl-loop-XXXXXX";
    fd_ = mkstemp(name.data());
    unlink(name.c_str());
  }
  void TearDown() override {
    if (fd_ >= 0) close(fd_);
  }
  void wait_for(const Result& result) {
    while (!result.ended) loop_->wait(UINT64_MAX);
  }

  std::unique_ptr<EventLoop> loop_;
  int fd_ = -1;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(On, LoopTest,
                         ::testing::Values(EventLoopKind::kUring, EventLoopKind::kThreads),
                         [](const auto& info) {
                           return info.param == EventLoopKind::kUring ? "uring" : "threads";
                         });

TEST_P(LoopTest, ReadsWritesAndSyncs) {
  std::string one = "hello ", two = "world", back(11, 0);
  const lkl::host::IoVec from[] = {{one.data(), one.size()}, {two.data(), two.size()}};
  const lkl::host::IoVec to[] = {{back.data(), back.size()}};
  Result written, synced, read, failed;
  loop_->write(fd_, from, 100, written);
  wait_for(written);
  EXPECT_EQ(written.value, 11);
  loop_->sync(fd_, synced);
  wait_for(synced);
  EXPECT_EQ(synced.value, 0);
  loop_->read(fd_, to, 100, read);
  wait_for(read);
  EXPECT_EQ(read.value, 11);
  EXPECT_EQ(back, "hello world");
  loop_->read(-1, to, 0, failed);
  wait_for(failed);
  EXPECT_EQ(failed.value, -EBADF);
}

TEST_P(LoopTest, ManyAtOnceAreAllEnded) {
  constexpr int kCount = 2000;  // more than a ring has room for
  std::vector<char> data(kCount);
  std::vector<lkl::host::IoVec> vectors(kCount);
  std::vector<Result> results(kCount);
  for (int i = 0; i < kCount; ++i) {
    data[i] = static_cast<char>(i);
    vectors[i] = {&data[i], 1};
    loop_->write(fd_, {&vectors[i], 1}, i, results[i]);
  }
  loop_->quiesce();
  for (const Result& result : results) {
    ASSERT_TRUE(result.ended);
    ASSERT_EQ(result.value, 1);
  }
  std::vector<char> back(kCount);
  ASSERT_EQ(pread(fd_, back.data(), back.size(), 0), kCount);
  EXPECT_EQ(back, data);
}

TEST_P(LoopTest, AKickIsNotLost) {
  loop_->kick();
  loop_->wait(UINT64_MAX);  // came before
  std::atomic<bool> returned = false;
  std::thread waiter([&] {
    loop_->wait(UINT64_MAX);
    returned = true;
  });
  lkl::host::sleep_ns(20'000'000);
  EXPECT_FALSE(returned);
  loop_->kick();
  waiter.join();
}

TEST_P(LoopTest, KicksFromManyThreads) {
  std::atomic<bool> stop = false;
  std::atomic<unsigned> turns = 0;
  std::thread waiter([&] {
    while (!stop) {
      loop_->wait(UINT64_MAX);
      ++turns;
    }
  });
  // a busy host may start the waiter last
  while (turns == 0) loop_->kick();
  std::vector<std::thread> kickers;
  for (int i = 0; i < 3; ++i)
    kickers.emplace_back([&] {
      for (int k = 0; k < 20000; ++k) loop_->kick();
    });
  for (std::thread& thread : kickers) thread.join();
  stop = true;
  loop_->kick();
  waiter.join();  // else: a kick was lost
}

TEST_P(LoopTest, ADeadlineEndsTheWait) {
  const uint64_t start = lkl::host::monotonic_ns();
  loop_->wait(start + 20'000'000);
  EXPECT_GE(lkl::host::monotonic_ns(), start + 20'000'000);
  loop_->wait(start);  // long past
}

TEST_P(LoopTest, BlockingTasksRunElsewhere) {
  struct Task final : lkl::host::BlockingTask {
    std::thread::id where;
    int64_t run() override {
      where = std::this_thread::get_id();
      return 42;
    }
  } task;
  Result result;
  loop_->run_blocking(task, result);
  wait_for(result);
  EXPECT_EQ(result.value, 42);
  EXPECT_NE(task.where, std::this_thread::get_id());
}

TEST_P(LoopTest, WorksInTheChildOfAFork) {
  Result before;
  char byte = 'x';
  const lkl::host::IoVec vector[] = {{&byte, 1}};
  loop_->write(fd_, vector, 0, before);
  loop_->quiesce();
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(30);
    if (loop_->after_fork_child() != 0) _exit(2);
    Result result;
    loop_->write(fd_, vector, 1, result);
    while (!result.ended) loop_->wait(UINT64_MAX);
    _exit(result.value == 1 ? 0 : 1);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  Result after;
  loop_->write(fd_, vector, 2, after);
  wait_for(after);
  EXPECT_EQ(after.value, 1);
}

// What a thread has started is not its own: it may end before that does.
TEST_P(LoopTest, AnOperationOutlivesTheThreadThatStartedIt) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  char text[8] = {};
  const lkl::host::IoVec to[] = {{text, sizeof text}};
  Result result;
  std::atomic<bool> started = false;
  std::thread minder([&] {
    while (!result.ended) loop_->wait(UINT64_MAX);
  });
  std::thread([&] {
    loop_->read(pipe[0], to, static_cast<uint64_t>(-1), result);
    started = true;
  }).join();
  lkl::host::sleep_ns(20'000'000);
  ASSERT_EQ(::write(pipe[1], "hello", 5), 5);
  minder.join();
  // a pipe has no positions: the pool's pread() says so at once, and is not what is tested
  if (GetParam() == EventLoopKind::kUring) {
    EXPECT_EQ(result.value, 5);
  }
  close(pipe[0]);
  close(pipe[1]);
}

TEST_P(LoopTest, ABatchKeepsItsFirstOperation) {
  char a = 'a', b = 'b';
  const lkl::host::IoVec first[] = {{&a, 1}}, second[] = {{&b, 1}};
  Result one, two;
  lkl::host::IoOperation* kept = nullptr;
  {
    EventLoop::Batch batch(*loop_);
    loop_->write(fd_, first, 0, one);
    loop_->write(fd_, second, 1, two);
    kept = batch.keep();
  }
  ASSERT_NE(kept, nullptr);
  wait_for(two);
  EXPECT_EQ(two.value, 1);
  EXPECT_FALSE(one.ended);
  loop_->perform(*kept);
  EXPECT_TRUE(one.ended);
  EXPECT_EQ(one.value, 1);
}

namespace {

struct Ready final : lkl::host::ReadyHandler {
  std::atomic<int> times = 0;
  std::atomic<short> events = 0;
  void ready(short what) override {
    events = what;
    ++times;
  }
  Attention attention() override { return own; }
  Attention own = Attention::kWanted;
};

}  // namespace

TEST_P(LoopTest, WatchesOnce) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  Ready ready;
  lkl::host::Watch watch = {.fd = pipe[0], .events = POLLIN, .handler = &ready};
  loop_->watch(watch);
  loop_->wait(lkl::host::monotonic_ns() + 5'000'000);
  EXPECT_EQ(ready.times, 0);
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  while (ready.times == 0) loop_->wait(UINT64_MAX);
  EXPECT_TRUE(ready.events & POLLIN);
  // still readable, and nobody asked again
  loop_->wait(lkl::host::monotonic_ns() + 5'000'000);
  EXPECT_EQ(ready.times, 1);
  loop_->watch(watch);
  while (ready.times == 1) loop_->wait(UINT64_MAX);
  close(pipe[0]);
  close(pipe[1]);
}

TEST_P(LoopTest, WhatIsWatchedIsNotWaitedFor) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  Ready ready;
  lkl::host::Watch watch = {.fd = pipe[0], .events = POLLIN, .handler = &ready};
  loop_->watch(watch);
  loop_->quiesce();  // returns
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(30);
    if (loop_->after_fork_child() != 0) _exit(2);
    if (::write(pipe[1], "x", 1) != 1) _exit(3);
    while (ready.times == 0) loop_->wait(UINT64_MAX);
    _exit(0);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  loop_->cancel(watch);
  close(pipe[0]);
  close(pipe[1]);
}

TEST_P(LoopTest, IsAttendedIfOthersLook) {
  using Attention = lkl::host::ReadyHandler::Attention;
  EXPECT_FALSE(loop_->attended());
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  Ready first, second;
  lkl::host::Watch one = {.fd = pipe[0], .events = POLLIN, .handler = &first};
  lkl::host::Watch other = {.fd = pipe[0], .events = POLLIN, .handler = &second};
  loop_->watch(one);
  loop_->watch(other);
  const auto attended = [&](Attention of_first, Attention of_second) {
    first.own = of_first;
    second.own = of_second;
    return loop_->attended();
  };
  EXPECT_TRUE(attended(Attention::kGiven, Attention::kGiven));
  EXPECT_TRUE(attended(Attention::kGiven, Attention::kCanWait));
  EXPECT_TRUE(attended(Attention::kCanWait, Attention::kGiven));
  EXPECT_FALSE(attended(Attention::kCanWait, Attention::kCanWait));
  EXPECT_FALSE(attended(Attention::kGiven, Attention::kWanted));
  EXPECT_FALSE(attended(Attention::kWanted, Attention::kGiven));
  // what is in flight has to be waited for, whoever looks
  Result result;
  first.own = second.own = Attention::kGiven;
  char byte;
  const lkl::host::IoVec room = {.base = &byte, .size = 1};
  loop_->read(fd_, std::span(&room, 1), 0, result);
  EXPECT_FALSE(loop_->attended());
  EXPECT_FALSE(loop_->idle());
  wait_for(result);
  EXPECT_TRUE(loop_->idle());
  EXPECT_TRUE(loop_->attended());
  loop_->cancel(one);
  loop_->cancel(other);
  close(pipe[0]);
  close(pipe[1]);
}

// A second of looking again and again: what comes ends it, whichever of them it is.
TEST_P(LoopTest, IsBusyUntilSomethingComes) {
  constexpr uint64_t kSecond = 1'000'000'000, kLong = 100 * kSecond;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  Ready ready;
  lkl::host::Watch watch = {.fd = pipe[0], .events = POLLIN, .handler = &ready};
  loop_->watch(watch);
  loop_->sleep(0);  // takes what watch() has told it
  loop_->collect();
  const uint64_t begin = lkl::host::monotonic_ns();
  std::thread other([&] {
    usleep(20'000);
    (void)!::write(pipe[1], "x", 1);
  });
  loop_->sleep(begin + kLong, 50 * kSecond);
  other.join();
  EXPECT_EQ(loop_->collect(), 1u);
  std::thread kicker([&] {
    usleep(20'000);
    loop_->kick();
  });
  loop_->watch(watch);
  ASSERT_EQ(::read(pipe[0], std::array<char, 1>().data(), 1), 1);
  loop_->sleep(0);
  loop_->collect();
  loop_->sleep(begin + kLong, 50 * kSecond);
  kicker.join();
  // nothing comes: it is busy, then asleep, and neither longer than it may
  loop_->sleep(lkl::host::monotonic_ns() + 20'000'000, kSecond);
  loop_->sleep(lkl::host::monotonic_ns() + 20'000'000, 10'000'000);
  EXPECT_EQ(loop_->collect(), 0u);
  EXPECT_LT(lkl::host::monotonic_ns() - begin, 50 * kSecond);
  loop_->cancel(watch);
  close(pipe[0]);
  close(pipe[1]);
}

TEST_P(LoopTest, CancelIsTheEndOfIt) {
  for (int i = 0; i < 200; ++i) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    auto ready = std::make_unique<Ready>();
    lkl::host::Watch watch = {.fd = pipe[0], .events = POLLIN, .handler = ready.get()};
    std::atomic<bool> stop = false;
    std::thread minder([&] {
      while (!stop) loop_->wait(UINT64_MAX);
    });
    loop_->watch(watch);
    ASSERT_EQ(::write(pipe[1], "x", 1), 1);
    loop_->cancel(watch);
    ready.reset();  // under a sanitizer: it is not called any more
    stop = true;
    loop_->kick();
    minder.join();
    close(pipe[0]);
    close(pipe[1]);
  }
}

namespace {

// Asks to be told again, each time, and takes a while.
class Again final : public lkl::host::ReadyHandler {
 public:
  void ready(short) override {
    usleep(500);
    ++times;
    loop->watch(*watch);
  }
  std::atomic<int> times = 0;
  lkl::host::EventLoop* loop = nullptr;
  lkl::host::Watch* watch = nullptr;
};

}  // namespace

TEST_P(LoopTest, CancelIsTheEndOfOneThatAsksAgain) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  std::atomic<bool> stop = false;
  std::thread minder([&] {
    while (!stop) loop_->wait(UINT64_MAX);
  });
  for (int i = 0; i < 100; ++i) {
    Again again;
    lkl::host::Watch watch = {.fd = pipe[0], .events = POLLIN, .handler = &again};
    again.loop = loop_.get();
    again.watch = &watch;
    loop_->watch(watch);
    while (again.times == 0) std::this_thread::yield();
    loop_->cancel(watch);
    const int times = again.times;
    usleep(1000);
    EXPECT_EQ(again.times, times);
  }
  stop = true;
  loop_->kick();
  minder.join();
  close(pipe[0]);
  close(pipe[1]);
}
