// SPDX-License-Identifier: GPL-2.0
// Kernel code that waits in a loop: time must go on in it, though nothing interrupts it.
#include <cstdint>

#include "debug/kernel_code.h"
#include "support/kernel_test.h"

using namespace lkl_test;

namespace {

// As lib and locking tests of the kernel wait: until a moment, or something that a task does.
long wait_by(const char* function) {
  const auto* jiffies = static_cast<volatile uint64_t*>(kernel_symbol("jiffies_64"));
  void* const give_way = kernel_symbol(function);
  const uint64_t end = *jiffies + 3;
  while (*jiffies < end) reinterpret_cast<int (*)()>(give_way)();
  return 42;
}
long wait_by_cond_resched(long, long, long, long, long, long) {
  return wait_by("__wrap___cond_resched");
}
long wait_by_cpu_relax(long, long, long, long, long, long) {
  return wait_by("lkl_cpu_relax");
}

class WaitingTest : public KernelTest {
 protected:
  // the table of symbols is read outside of the kernel
  void SetUp() override {
    KernelTest::SetUp();
    kernel_symbol("jiffies_64");
  }
};

TEST_F(WaitingTest, CondReschedLetsTimePass) {
  EXPECT_EQ(call_in_kernel(wait_by_cond_resched), 42);
}

TEST_F(WaitingTest, CpuRelaxLetsTimePass) {
  EXPECT_EQ(call_in_kernel(wait_by_cpu_relax), 42);
}

}  // namespace
