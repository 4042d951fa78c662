// SPDX-License-Identifier: GPL-2.0
// Application threads: any of them, any number, at any time.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "support/kernel_test.h"
#include "support/pid1.h"

using namespace lkl_test;

class ThreadTest : public KernelTest {
 protected:
  static void sleep_ms(int ms) {
    __lkl__kernel_timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000};
    lkl_sys_nanosleep(&ts, nullptr);
  }
};

TEST_F(ThreadTest, EachHasATaskOfItsOwn) {
  std::set<long> ids;
  std::mutex mutex;
  std::vector<std::thread> threads;
  std::atomic<int> ready = 0;
  for (int i = 0; i < 32; ++i)
    threads.emplace_back([&] {
      const long id = lkl_sys_gettid();
      EXPECT_EQ(lkl_sys_getpid(), 1);
      ++ready;
      while (ready < 32) std::this_thread::yield();
      EXPECT_EQ(lkl_sys_gettid(), id);
      const std::lock_guard lock(mutex);
      ids.insert(id);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ids.size(), 32u);
}

TEST_F(ThreadTest, AThreadThatEndsFreesItsTask) {
  char proc[] = "proc";
  ASSERT_EQ(lkl_mount_fs(proc), 0);
  for (int i = 0; i < 500; ++i) std::thread([] { lkl_sys_getppid(); }).join();
  for (int i = 0; i < 500 && threads_of_pid1() != 2; ++i) sleep_ms(10);
  EXPECT_EQ(threads_of_pid1(), 2);  // pid 1 and us
}

// The request of a thread that ends may be through before its entry on the list of those
// that wait is looked at; it must not be taken for a new thread's.
TEST_F(ThreadTest, ThreadsThatEndAtOnceLeaveNoTasks) {
  char proc[] = "proc";
  ASSERT_EQ(lkl_mount_fs(proc), 0);
  std::vector<std::thread> makers;
  for (int i = 0; i < 6; ++i)
    makers.emplace_back([] {
      for (int j = 0; j < 300; ++j)
        std::thread([] {
          lkl_sys_getppid();
          lkl_sys_sched_yield();
        }).join();
    });
  for (std::thread& maker : makers) maker.join();
  for (int i = 0; i < 500 && threads_of_pid1() != 2; ++i) sleep_ms(10);
  EXPECT_EQ(threads_of_pid1(), 2);
}

TEST_F(ThreadTest, ManyComeAndGoWhileOthersAreBlocked) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::vector<std::thread> blocked;
  for (int i = 0; i < 8; ++i)
    blocked.emplace_back([&] {
      char c;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
    });
  std::vector<std::thread> churn;
  for (int i = 0; i < 4; ++i)
    churn.emplace_back([] {
      for (int k = 0; k < 50; ++k)
        std::thread([] {
          for (int n = 0; n < 20; ++n) lkl_sys_getppid();
          __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 100'000};
          EXPECT_EQ(lkl_sys_nanosleep(&ts, nullptr), 0);
        }).join();
    });
  for (std::thread& thread : churn) thread.join();
  EXPECT_EQ(lkl_sys_write(pipe[1], "12345678", 8), 8);
  for (std::thread& thread : blocked) thread.join();
}

TEST_F(ThreadTest, PingPong) {
  int there[2], back[2];
  ASSERT_EQ(lkl_sys_pipe2(there, 0), 0);
  ASSERT_EQ(lkl_sys_pipe2(back, 0), 0);
  constexpr int kRounds = 20000;
  std::thread echo([&] {
    char c;
    for (int i = 0; i < kRounds; ++i) {
      ASSERT_EQ(lkl_sys_read(there[0], &c, 1), 1);
      ASSERT_EQ(lkl_sys_write(back[1], &c, 1), 1);
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    char out = static_cast<char>(i), in = 0;
    ASSERT_EQ(lkl_sys_write(there[1], &out, 1), 1);
    ASSERT_EQ(lkl_sys_read(back[0], &in, 1), 1);
    ASSERT_EQ(in, out);
  }
  echo.join();
}

// Many times, or for some seconds: where all processors are busy each turn may cost a turn of
// everybody.
TEST_F(ThreadTest, StrictAlternation) {
  std::atomic<int> turn = 0;
  constexpr int kTurns = 50000, kOver = 2;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  const auto play = [&](int me) {
    for (int i = 0; i < kTurns; ++i) {
      for (int looks = 0; turn == 1 - me; ++looks)
        if (looks > 1000) std::this_thread::yield();
      if (turn == kOver) return;
      if (lkl_sys_getpid() != 1) std::abort();
      turn = std::chrono::steady_clock::now() < end ? 1 - me : kOver;
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
}

// There is always somebody who can run, so the CPU is never idle: a thread whose
// call is through must get out all the same.
TEST_F(ThreadTest, AFinishedCallDoesNotServeOthersForEver) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> pairs;
  std::vector<std::array<int, 4>> pipes(3);
  for (auto& p : pipes) {
    ASSERT_EQ(lkl_sys_pipe2(&p[0], 0), 0);
    ASSERT_EQ(lkl_sys_pipe2(&p[2], 0), 0);
    pairs.emplace_back([&] {
      char c = 1;
      while (lkl_sys_write(p[1], &c, 1) == 1 && c && lkl_sys_read(p[2], &c, 1) == 1)
        c = stop ? 0 : 1;
    });
    pairs.emplace_back([&] {
      char c = 1;
      while (lkl_sys_read(p[0], &c, 1) == 1 && c && lkl_sys_write(p[3], &c, 1) == 1) {
      }
    });
  }
  for (int i = 0; i < 20000; ++i) ASSERT_EQ(lkl_sys_sched_yield(), 0);
  stop = true;
  for (std::thread& thread : pairs) thread.join();
}

// Time goes on while some thread is in a long call and no other one waits.
TEST_F(ThreadTest, TheClockOfTheKernelIsTheHosts) {
  __lkl__kernel_timespec before, after;
  ASSERT_EQ(lkl_sys_clock_gettime(LKL_CLOCK_MONOTONIC, &before), 0);
  const auto host_before = std::chrono::steady_clock::now();
  sleep_ms(50);
  const auto host_after = std::chrono::steady_clock::now();
  ASSERT_EQ(lkl_sys_clock_gettime(LKL_CLOCK_MONOTONIC, &after), 0);
  const double guest = (after.tv_sec - before.tv_sec) + (after.tv_nsec - before.tv_nsec) * 1e-9;
  const double host = std::chrono::duration<double>(host_after - host_before).count();
  EXPECT_GE(guest, 0.05);
  EXPECT_NEAR(guest, host, 0.005);
}

TEST_F(ThreadTest, ExitEndsTheTaskNotTheThread) {
  std::thread([] {
    const long first = lkl_sys_gettid();
    EXPECT_EQ(lkl_sys_exit(3), 0);
    const long second = lkl_sys_gettid();
    EXPECT_GT(second, 1);
    EXPECT_NE(second, first);
    EXPECT_EQ(lkl_sys_exit_group(3), 0);
    EXPECT_GT(lkl_sys_gettid(), 1);
  }).join();
  EXPECT_EQ(lkl_is_running(), 1);
}

TEST_F(ThreadTest, AHaltEndsTheCallsOfOthers) {
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      char c;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), -LKL_ESHUTDOWN);
    });
  sleep_ms(20);
  EXPECT_EQ(lkl_sys_halt(), 0);
  for (std::thread& thread : threads) thread.join();
}
