// SPDX-License-Identifier: GPL-2.0
// The end of a kernel that is run by another thread than the one that wants it: that thread
// may be held up by the host when the kernel is dead, and before it has told the library.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "annotate.h"
#include "core/calls.h"
#include "core/host_calls.h"
#include "core/registry.h"
#include "support/kernel_test.h"

namespace {

constexpr useconds_t kHeldUp = 20'000;
constexpr int kMostRounds = 200;

lkl_host_thread* halter;
std::atomic<int> by_another;
lkl_host_calls slow_calls;
void (*quick_halted)(void* instance);

void halted_by_a_thread_that_is_held_up(void* instance) {
  {
    [[maybe_unused]] const lkl::host::FromKernel scope;
    if (lkl::host::current_thread().record != halter) {
      // it need not sleep: a waiting thread spins, or looks whether it is to be the CPU
      slow_calls.wake(instance, halter);
      usleep(kHeldUp);
      ++by_another;
    }
  }
  quick_halted(instance);
}

void boot() {
  static lkl_host_operations silent = {};
  silent.print = lkl_test::keep_log;
  ASSERT_EQ(lkl_init(&silent), 0);
  ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=5"), 0);
  const lkl::host::Registry::Use instance;
  slow_calls = lkl::host::make_host_calls(*instance);
  quick_halted = slow_calls.halted;
  slow_calls.halted = halted_by_a_thread_that_is_held_up;
  lkl_kernel_setup(&slow_calls);
}

}  // namespace

TEST(LateEndTest, IsTheEndForWhoHalts) {
  by_another = 0;
  for (int round = 0; by_another == 0; ++round) {
    ASSERT_LT(round, kMostRounds) << "the halting thread has run the end itself each time";
    boot();
    halter = lkl::host::current_thread().record;
    std::atomic<bool> calls = false;
    std::thread other([&calls] {
      while (lkl_sys_getppid() >= 0) calls = true;
    });
    while (!calls) usleep(100);
    EXPECT_EQ(lkl_sys_halt(), 0);
    EXPECT_EQ(lkl_is_running(), 0);
    EXPECT_EQ(lkl_sys_halt(), -LKL_ENODEV) << "it is halted already";
    lkl_cleanup();
    other.join();
  }
}
