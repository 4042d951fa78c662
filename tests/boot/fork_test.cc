// SPDX-License-Identifier: GPL-2.0
// fork() of the host process gives two kernels that go on, each on its own.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support/child.h"
#include "support/kernel_test.h"
#include "support/pid1.h"

using lkl_test::in_child;
using lkl_test::KernelTest;

namespace {

class ForkTest : public KernelTest {};

}  // namespace

TEST_F(ForkTest, TheChildHasItsOwnWorld) {
  ASSERT_EQ(lkl_sys_mkdir("/before", 0755), 0);
  EXPECT_EQ(in_child([] {
              if (lkl_sys_rmdir("/before")) return 1;
              if (lkl_sys_mkdir("/after", 0755)) return 2;
              return 0;
            }),
            0);
  EXPECT_EQ(lkl_sys_access("/before", LKL_F_OK), 0);
  EXPECT_EQ(lkl_sys_access("/after", LKL_F_OK), -LKL_ENOENT);
}

TEST_F(ForkTest, TimersAndThreadsGoOnInBoth) {
  const auto works = [] {
    __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 5'000'000};
    if (lkl_sys_nanosleep(&ts, nullptr)) return 1;
    long result = -1;
    std::thread([&] {
      __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 5'000'000};
      result = lkl_sys_nanosleep(&ts, nullptr);
    }).join();
    return result == 0 ? 0 : 2;
  };
  EXPECT_EQ(in_child(works), 0);
  EXPECT_EQ(works(), 0);
}

TEST_F(ForkTest, TasksOfThreadsThatAreNoMoreEnd) {
  char proc[] = "proc";
  ASSERT_EQ(lkl_mount_fs(proc), 0);
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i)
    threads.emplace_back([&] {
      char c;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
    });
  while (lkl_test::threads_of_pid1() < 7) std::this_thread::yield();
  EXPECT_EQ(in_child([] {
              // their tasks were blocked in a read, and end on their own now
              for (int i = 0; i < 1000; ++i) {
                if (lkl_test::threads_of_pid1() == 2) return 0;
                __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 10'000'000};
                lkl_sys_nanosleep(&ts, nullptr);
              }
              return 1;
            }),
            0);
  EXPECT_EQ(lkl_sys_write(pipe[1], "xxxxx", 5), 5);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ForkTest, WhileOtherThreadsAreBusy) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      const std::string name = "/d" + std::to_string(i);
      while (!stop) {
        lkl_sys_mkdir(name.c_str(), 0755);
        lkl_sys_rmdir(name.c_str());
      }
    });
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(in_child([] {
                for (int k = 0; k < 100; ++k)
                  if (lkl_sys_getpid() != 1) return 1;
                if (lkl_sys_mkdir("/child", 0755)) return 2;
                return lkl_sys_halt() ? 3 : 0;
              }),
              0)
        << i;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

// A snapshot: the same start for each child, and grandchildren too.
TEST_F(ForkTest, AChildMayForkAgain) {
  EXPECT_EQ(in_child([] {
              if (lkl_sys_mkdir("/one", 0755)) return 1;
              return in_child([] { return lkl_sys_rmdir("/one") ? 2 : 0; });
            }),
            0);
}
