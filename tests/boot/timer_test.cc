// SPDX-License-Identifier: GPL-2.0
// Timers: whoever sets one, and whatever the CPU is busy with, it is as late as those of the
// host are and no tick later. Judged beside the host's own, taken in turn.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "support/kernel_test.h"

using lkl_test::KernelTest;

namespace {

constexpr long kShort = 150'000;
constexpr size_t kEnough = 50;  // timers to judge by

long now() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1'000'000'000 + ts.tv_nsec;
}

void host_sleep(long ns) {
  const timespec ts = {.tv_sec = 0, .tv_nsec = ns};
  nanosleep(&ts, nullptr);
}

// How long the host has kept threads of this process from running though they could.
long kept_waiting() {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "schedstat");
    long on_cpu, waiting;
    if (file >> on_cpu >> waiting) sum += waiting;
  }
  return sum;
}

long median(std::vector<long> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size()) / 2);
  return values[values.size() / 2];
}

bool in_time(const std::vector<long>& ours, const std::vector<long>& hosts) {
  return !ours.empty() && median(ours) < median(hosts) + 1'000'000;
}

class TimerTest : public KernelTest {
 protected:
  // Another thread waits for a timer that this one sets: how late, against the host. What
  // comes late because the host gave the CPUs to others says nothing: it is not counted.
  void compare(const std::function<void()>& before_each) {
    const int fd = static_cast<int>(lkl_sys_timerfd_create(LKL_CLOCK_MONOTONIC, 0));
    ASSERT_GE(fd, 0);
    std::atomic<long> came = 0;
    std::atomic<bool> stop = false;
    std::thread reader([&] {
      unsigned long long count;
      while (lkl_sys_read(fd, reinterpret_cast<char*>(&count), 8) == 8 && !stop) came = now();
    });
    std::vector<long> ours, hosts;
    const __lkl__kernel_itimerspec setting = {.it_interval = {}, .it_value = {0, kShort}};
    // A machine that is busy makes a round bad; timers that are late make all of them so.
    for (int round = 0; round < 5 && !in_time(ours, hosts); ++round) {
      ours.clear();
      hosts.clear();
      for (int i = 0; i < 1000 && ours.size() < kEnough; ++i) {
        before_each();
        came = 0;
        const long waited = kept_waiting();
        const long start = now();
        ASSERT_EQ(lkl_sys_timerfd_settime(fd, 0, &setting, nullptr), 0);
        while (came == 0) host_sleep(50'000);
        if (kept_waiting() - waited < kShort) ours.push_back(came - start - kShort);
        const long host_start = now();
        host_sleep(kShort);
        hosts.push_back(now() - host_start - kShort);
      }
    }
    stop = true;
    ASSERT_EQ(lkl_sys_timerfd_settime(fd, 0, &setting, nullptr), 0);
    reader.join();
    lkl_sys_close(fd);
    if (median(hosts) > 500'000 || ours.size() < kEnough)
      GTEST_SKIP() << "this machine is too busy to tell: its own timers are late by "
                   << median(hosts) << " ns, and " << ours.size()
                   << " of 1000 times the CPUs were free for it";
    EXPECT_TRUE(in_time(ours, hosts)) << median(ours) << " ns late, the host " << median(hosts);
  }
};

}  // namespace

TEST_F(TimerTest, SetByAnotherThread) {
  compare([] { host_sleep(5'000'000); });
}

TEST_F(TimerTest, SetByAnotherThreadThatGoesOnCalling) {
  compare([] {
    for (int i = 0; i < 1000; ++i) lkl_sys_getppid();
  });
}

// The CPU is busy with kernel code that goes to nobody else: copies of a ramfs file.
TEST_F(TimerTest, WhileTheKernelIsBusy) {
  const int file = static_cast<int>(lkl_sys_open("/big", LKL_O_CREAT | LKL_O_RDWR, 0600));
  std::string block(16 << 20, 'x');
  std::atomic<bool> stop = false;
  std::thread busy([&] {
    while (!stop) lkl_sys_pwrite64(file, block.data(), block.size(), 0);
  });
  compare([] { host_sleep(1'000'000); });
  stop = true;
  busy.join();
  lkl_sys_close(file);
}
