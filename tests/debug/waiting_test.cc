// SPDX-License-Identifier: GPL-2.0
// Kernel code that waits in a loop: time must go on in it, though nothing interrupts it.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "debug/kernel_code.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

volatile uint64_t* jiffies;
void (*kernel_msleep)(unsigned);

// As lib and locking tests of the kernel wait: until a moment, or something that a task does.
long wait_by(long give_way, long, long, long, long, long) {
  const uint64_t end = *jiffies + 3;
  while (*jiffies < end) reinterpret_cast<int (*)()>(give_way)();
  return 42;
}

// A kernel thread, woken by a timer while no thread of the application is inside: it runs on the
// executor, which is who minds the clock otherwise.
std::atomic<bool> waiter_done;
int wait_on_executor(void* give_way) {
  kernel_msleep(20);
  wait_by(reinterpret_cast<long>(give_way), 0, 0, 0, 0, 0);
  waiter_done = true;
  return 0;
}
long start_waiter(long give_way, long, long, long, long, long) {
  using Create = void*(int (*)(void*), void*, int, const char*, ...);
  constexpr int kAnyNode = -1;
  void* const task = kernel_function<Create>("kthread_create_on_node")(
      wait_on_executor, reinterpret_cast<void*>(give_way), kAnyNode, "waiter");
  return kernel_function<int(void*)>("wake_up_process")(task);
}

class WaitingTest : public KernelTest {
 protected:
  // outside of the kernel: its threads move from one thread of the host to another, which strings
  // of C++ do not expect
  void SetUp() override {
    KernelTest::SetUp();
    jiffies = static_cast<volatile uint64_t*>(kernel_symbol("jiffies_64"));
    kernel_msleep = kernel_function<void(unsigned)>("msleep");
  }
  static long address(const char* function) {
    return reinterpret_cast<long>(kernel_symbol(function));
  }
  static bool ends_on_executor(const char* function) {
    waiter_done = false;
    EXPECT_EQ(call_in_kernel(start_waiter, address(function)), 1);
    for (int i = 0; i < 1000 && !waiter_done; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return waiter_done;
  }
};

TEST_F(WaitingTest, CondReschedLetsTimePass) {
  EXPECT_EQ(call_in_kernel(wait_by, address("__wrap___cond_resched")), 42);
}

TEST_F(WaitingTest, CpuRelaxLetsTimePass) {
  EXPECT_EQ(call_in_kernel(wait_by, address("lkl_cpu_relax")), 42);
}

TEST_F(WaitingTest, OnTheExecutorAsWell) {
  EXPECT_TRUE(ends_on_executor("__wrap___cond_resched"));
  EXPECT_TRUE(ends_on_executor("lkl_cpu_relax"));
}

}  // namespace
