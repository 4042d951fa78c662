// SPDX-License-Identifier: GPL-2.0
// The end of a kernel while other threads are in calls, on their way in or out of one, or end.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "support/kernel_test.h"

namespace {

bool is_answer_of_a_dead_kernel(long result) {
  return result == -LKL_ESHUTDOWN || result == -LKL_ENODEV;
}

class HaltTest : public ::testing::Test {
 protected:
  static void boot() {
    static lkl_host_operations silent = {};
    silent.print = lkl_test::keep_log;
    ASSERT_EQ(lkl_init(&silent), 0);
    // 16 threads with the stacks that KASAN wants
    ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=5"), 0);
    ASSERT_EQ(lkl_sys_pipe2(pipe_, 0), 0);
  }
  static void expect_dead(long result) {
    if (!is_answer_of_a_dead_kernel(result)) wrong_ = result;
  }
  static void sleep() {
    __lkl__kernel_timespec long_time = {.tv_sec = 100, .tv_nsec = 0};
    ++started_;
    expect_dead(lkl_sys_nanosleep(&long_time, nullptr));
  }
  static void read() {
    char c;
    ++started_;
    expect_dead(lkl_sys_read(pipe_[0], &c, 1));
  }
  static void call() {
    long result;
    ++started_;
    while ((result = lkl_sys_getppid()) >= 0) {
    }
    expect_dead(result);
  }
  // Halt, and cleanup at once, beside 16 threads that do this. Each of them has to get the host's
  // processor before the round ends: where others want it, too, that takes a second, and a few
  // rounds are enough.
  static void rounds(int count, const std::vector<void (*)()>& bodies) {
    constexpr int kFewest = 8;
    const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (int round = 0; round < count; ++round) {
      if (round >= kFewest && std::chrono::steady_clock::now() > enough) break;
      started_ = 0;
      wrong_ = 0;
      boot();
      std::vector<std::thread> threads;
      // Made before any of them calls: beside those that call it may take long to make one.
      std::atomic<bool> all_there = false;
      for (int i = 0; i < 16; ++i)
        threads.emplace_back([&all_there, body = bodies[i % bodies.size()]] {
          while (!all_there) usleep(100);
          body();
        });
      all_there = true;
      while (started_ < 16) usleep(100);
      usleep(round % 4 * 1000);
      EXPECT_EQ(lkl_sys_halt(), 0);
      lkl_cleanup();
      for (std::thread& thread : threads) thread.join();
      ASSERT_EQ(wrong_, 0) << "round " << round;
    }
  }

  static inline int pipe_[2];
  static inline std::atomic<int> started_;
  static inline std::atomic<long> wrong_;
};

}  // namespace

TEST_F(HaltTest, BesideThreadsThatAreBlocked) {
  rounds(60, {sleep, read});
}

TEST_F(HaltTest, BesideThreadsThatCallAndCall) {
  rounds(60, {call});
}

// The record of a thread outlives the kernel; the next kernel knows nothing of it.
TEST_F(HaltTest, ThreadsGoOnWithTheNextKernel) {
  std::atomic<bool> stop = false;
  std::atomic<long> bad = 0, good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        const long result = lkl_sys_getpid();
        if (result == 1)
          ++good;
        else if (!is_answer_of_a_dead_kernel(result))
          bad = result;
      }
    });
  for (int round = 0; round < 40; ++round) {
    boot();
    const long before = good;
    while (good < before + 100) usleep(100);
    if (round % 2) {
      EXPECT_EQ(lkl_sys_halt(), 0);
    }
    lkl_cleanup();
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(HaltTest, ThreadsThatBeginAndEndMeanwhile) {
  std::atomic<bool> stop = false;
  std::atomic<long> bad = 0;
  std::vector<std::thread> makers;
  for (int i = 0; i < 3; ++i)
    makers.emplace_back([&] {
      while (!stop)
        std::thread([&] {
          const long result = lkl_sys_getpid();
          if (result != 1 && !is_answer_of_a_dead_kernel(result)) bad = result;
        }).join();
    });
  for (int round = 0; round < 40; ++round) {
    boot();
    usleep(round % 5 * 1000);
    lkl_cleanup();
  }
  stop = true;
  for (std::thread& maker : makers) maker.join();
  EXPECT_EQ(bad, 0);
}

TEST_F(HaltTest, ByTwoThreadsAtOnce) {
  for (int round = 0; round < 30; ++round) {
    boot();
    std::atomic<int> halted = 0;
    const auto halt = [&] {
      const long result = lkl_sys_halt();
      // whoever was not the one waits until it is done
      EXPECT_EQ(lkl_is_running(), 0);
      if (result == 0) ++halted;
    };
    std::thread other(halt);
    halt();
    other.join();
    EXPECT_EQ(halted, 1);
    std::thread cleaner(lkl_cleanup);
    lkl_cleanup();
    cleaner.join();
    ASSERT_EQ(lkl_sys_getpid(), -LKL_ENODEV);
  }
}
