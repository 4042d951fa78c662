// SPDX-License-Identifier: GPL-2.0
// fork() of the host process gives two kernels that go on, each on its own.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "support/child.h"
#include "support/kernel_test.h"
#include "support/pid1.h"
#include "support/sanitizers.h"

using lkl_test::in_child;
using lkl_test::KernelTest;
using lkl_test::kWhyNoForkBesideThreads;

namespace {

class ForkTest : public KernelTest {};

// In a child: whether the tasks of threads that are no more end by themselves while it looks so
// often, 10 ms apart. 0 if they do.
int others_end(int looks) {
  for (int i = 0; i < looks; ++i) {
    if (lkl_test::threads_of_pid1() == 2) return 0;
    __lkl__kernel_timespec ts = {.tv_sec = 0, .tv_nsec = 10'000'000};
    lkl_sys_nanosleep(&ts, nullptr);
  }
  return 1;
}

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
  // they were blocked in a read
  EXPECT_EQ(in_child([] { return others_end(1000); }), 0);
  EXPECT_EQ(lkl_sys_write(pipe[1], "xxxxx", 5), 5);
  for (std::thread& thread : threads) thread.join();
}

// A fork() when the task of a thread is made and has not run yet: in the child it is to end, not to
// make the call.
TEST_F(ForkTest, TasksThatHaveNotBegunEnd) {
  char proc[] = "proc";
  ASSERT_EQ(lkl_mount_fs(proc), 0);
  int pipe[2];
  ASSERT_EQ(lkl_sys_pipe2(pipe, 0), 0);
  for (int i = 0; i < 200; ++i) {
    const int before = lkl_test::threads_of_pid1();
    std::thread thread([&] {
      char c;
      EXPECT_EQ(lkl_sys_read(pipe[0], &c, 1), 1);
    });
    while (lkl_test::threads_of_pid1() == before) std::this_thread::yield();
    const int result = in_child([] { return others_end(500); });
    EXPECT_EQ(lkl_sys_write(pipe[1], "x", 1), 1);
    thread.join();
    ASSERT_EQ(result, 0) << i;
    while (lkl_test::threads_of_pid1() != before) std::this_thread::yield();
  }
}

TEST_F(ForkTest, WhileOtherThreadsAreBusy) {
  std::atomic<bool> stop = false;
  std::latch begun(3);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      const std::string name = "/d" + std::to_string(i);
      lkl_sys_getpid();
      begun.count_down();
      while (!stop) {
        lkl_sys_mkdir(name.c_str(), 0755);
        lkl_sys_rmdir(name.c_str());
      }
    });
  // beside threads that begin is another test, and none for sanitizers
  begun.wait();
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

// Several threads fork at once; each child makes a call and ends.
TEST_F(ForkTest, ByManyThreadsAtOnce) {
  std::atomic<int> bad = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 40; ++k)
        if (in_child([] { return lkl_sys_getpid() == 1 ? 0 : 3; }) != 0) ++bad;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(bad, 0);
  EXPECT_EQ(lkl_sys_getpid(), 1);
}

TEST_F(ForkTest, AChildIsLeftWithoutAKernel) {
  EXPECT_EQ(lkl_set_on_fork(static_cast<lkl_on_fork>(2)), -LKL_EINVAL);
  ASSERT_EQ(lkl_set_on_fork(LKL_ON_FORK_LEAVE), 0);
  ASSERT_EQ(lkl_sys_mkdir("/left", 0755), 0);
  EXPECT_EQ(in_child([] {
              if (lkl_sys_rmdir("/left") != -LKL_ESHUTDOWN) return 1;
              long result = 0;
              std::thread([&] { result = lkl_sys_getpid(); }).join();
              return result == -LKL_ESHUTDOWN && lkl_is_running() == 0 ? 0 : 2;
            }),
            0);
  EXPECT_EQ(lkl_sys_rmdir("/left"), 0);
  // and while another thread is busy in it
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) lkl_sys_getppid();
  });
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(in_child([] { return lkl_sys_getpid() == -LKL_ESHUTDOWN ? 0 : 1; }), 0);
  stop = true;
  busy.join();
  ASSERT_EQ(lkl_set_on_fork(LKL_ON_FORK_COPY), 0);
  EXPECT_EQ(in_child([] { return lkl_sys_getpid() == 1 ? 0 : 1; }), 0);
}

TEST_F(ForkTest, WhileDisksComeAndGo) {
  if (kWhyNoForkBesideThreads) GTEST_SKIP() << kWhyNoForkBesideThreads;
  std::atomic<bool> stop = false;
  std::thread changer([&] {
    while (!stop) {
      lkl_disk disk = {};
      lkl_disk_options options = {};
      options.struct_size = sizeof(options);
      options.flags = LKL_DISK_MEMORY;
      options.size = 1 << 20;
      EXPECT_GE(lkl_disk_add_options(&disk, &options), 0);
      EXPECT_EQ(lkl_disk_remove(disk), 0);
    }
  });
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(in_child([] {
                lkl_disk disk = {};
                lkl_disk_options options = {};
                options.struct_size = sizeof(options);
                options.flags = LKL_DISK_MEMORY;
                options.size = 1 << 20;
                if (lkl_disk_add_options(&disk, &options) < 0) return 1;
                return lkl_disk_remove(disk) == 0 ? 0 : 2;
              }),
              0);
  stop = true;
  changer.join();
}

TEST_F(ForkTest, WhileThreadsBeginAndEnd) {
  if (kWhyNoForkBesideThreads) GTEST_SKIP() << kWhyNoForkBesideThreads;
  std::atomic<bool> stop = false;
  std::vector<std::thread> makers;
  for (int i = 0; i < 2; ++i)
    makers.emplace_back([&] {
      while (!stop) std::thread([] { EXPECT_GT(lkl_sys_gettid(), 1); }).join();
    });
  for (int i = 0; i < 60; ++i) EXPECT_EQ(in_child([] { return lkl_sys_getpid() == 1 ? 0 : 1; }), 0);
  stop = true;
  for (std::thread& maker : makers) maker.join();
}

TEST(Fork, BesideBootsAndHalts) {
  if (kWhyNoForkBesideThreads) GTEST_SKIP() << kWhyNoForkBesideThreads;
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0;
  std::thread forker([&] {
    while (!stop) {
      const int result = in_child([] {
        // whatever it finds: an answer
        const long answer = lkl_sys_getpid();
        const bool known = answer == 1 || answer == -LKL_ENODEV || answer == -LKL_ESHUTDOWN;
        lkl_cleanup();
        return known ? 0 : 1;
      });
      if (result != 0) bad = result;
    }
  });
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(lkl_init(&silent), 0);
    EXPECT_EQ(lkl_start_kernel("mem=32M loglevel=5"), 0);
    EXPECT_EQ(lkl_sys_getpid(), 1);
    if (i % 2) {
      EXPECT_EQ(lkl_sys_halt(), 0);
    }
    lkl_cleanup();
  }
  stop = true;
  forker.join();
  EXPECT_EQ(bad, 0);
}

// One that fails ends the threads of the library that a fork waits for.
TEST(Fork, BesideBootsThatFail) {
  if (kWhyNoForkBesideThreads) GTEST_SKIP() << kWhyNoForkBesideThreads;
  std::atomic<bool> stop = false;
  std::atomic<int> bad = 0;
  std::vector<std::thread> forkers;
  for (int i = 0; i < 2; ++i)
    forkers.emplace_back([&] {
      while (!stop)
        if (const int result = in_child([] { return lkl_sys_getpid() < 0 ? 0 : 1; })) bad = result;
    });
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(lkl_init(&silent), 0);
    EXPECT_EQ(lkl_start_kernel("mem=1000T loglevel=5"), -LKL_ENOMEM);
    lkl_cleanup();
  }
  stop = true;
  for (std::thread& forker : forkers) forker.join();
  EXPECT_EQ(bad, 0);
}

TEST(Fork, WhileOthersPrint) {
  ASSERT_EQ(lkl_init(&lkl_host_ops), 0);
  const auto slow = [](void*, const char*, lkl_ulong) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  };
  ASSERT_EQ(lkl_set_print(slow, nullptr), 0);
  std::jthread printing([] { lkl_printf("words\n"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  // whose thread inside the function is no more
  EXPECT_EQ(in_child([] { return lkl_set_print(nullptr, nullptr); }), 0);
  printing.join();
  EXPECT_EQ(lkl_set_print(nullptr, nullptr), 0);
  lkl_cleanup();
}
