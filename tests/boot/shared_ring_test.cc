// SPDX-License-Identifier: GPL-2.0
// Memory that the kernel and an application thread change without a call: an io_uring whose
// submission queue is polled. The kernel says that it sleeps, then looks once more; the
// application says that there is work, then looks whether it sleeps.
#include <time.h>

#include <atomic>
#include <utility>

#include "support/kernel_test.h"

using lkl_test::kernel_version;
using lkl_test::KernelTest;

namespace {

class SharedRingTest : public KernelTest {};

template <typename Type>
std::atomic_ref<Type> at(lkl_long base, unsigned offset) {
  return std::atomic_ref(*reinterpret_cast<Type*>(base + offset));
}

}  // namespace

TEST_F(SharedRingTest, NoSubmissionIsOverlooked) {
  lkl_io_uring_params params = {};
  params.flags = LKL_IORING_SETUP_SQPOLL;
  params.sq_thread_idle = 1;
  const long ring = lkl_sys_io_uring_setup(4, &params);
  if (ring == -LKL_ENOSYS) GTEST_SKIP() << "this profile has no io_uring";
  if (kernel_version() < std::pair(6, 9)) {
    EXPECT_EQ(ring, -LKL_EINVAL) << "its thread would be the CPU for ever (docs/limits.md)";
    return;
  }
  ASSERT_GE(ring, 0);
  const int fd = static_cast<int>(ring);
  const int protection = LKL_PROT_READ | LKL_PROT_WRITE;
  const auto rings =
      reinterpret_cast<lkl_long>(lkl_sys_mmap(nullptr, 4096, protection, LKL_MAP_SHARED, fd, 0));
  if (rings < 0 && rings > -4096) GTEST_SKIP() << "rings can't be mapped here: " << rings;
  const auto entries = reinterpret_cast<lkl_long>(
      lkl_sys_mmap(nullptr, 4096, protection, LKL_MAP_SHARED, fd, LKL_IORING_OFF_SQES));
  ASSERT_FALSE(entries < 0 && entries > -4096) << entries;
  for (unsigned i = 0; i < 400; ++i) {
    const unsigned tail = at<unsigned>(rings, params.sq_off.tail).load();
    auto* entry = reinterpret_cast<lkl_io_uring_sqe*>(entries) + (tail & 3);
    *entry = {};
    entry->opcode = LKL_IORING_OP_NOP;
    at<unsigned>(rings, params.sq_off.array + 4 * (tail & 3)).store(tail & 3);
    at<unsigned>(rings, params.sq_off.tail).store(tail + 1);
    if (at<unsigned>(rings, params.sq_off.flags).load() & LKL_IORING_SQ_NEED_WAKEUP) {
      ASSERT_GE(lkl_sys_io_uring_enter(fd, 0, 0, LKL_IORING_ENTER_SQ_WAKEUP, nullptr, 0), 0);
    }
    for (int turns = 0; at<unsigned>(rings, params.cq_off.tail).load() == i; ++turns) {
      ASSERT_LT(turns, 5000) << "submission " << i << " is overlooked";
      const timespec ts = {.tv_sec = 0, .tv_nsec = 1'000'000};
      nanosleep(&ts, nullptr);
    }
    at<unsigned>(rings, params.cq_off.head).store(i + 1);
    // about as long as the kernel's thread waits before it sleeps
    const timespec ts = {.tv_sec = 0, .tv_nsec = 500'000 + static_cast<long>(i % 64) * 20'000};
    nanosleep(&ts, nullptr);
  }
  lkl_sys_close(fd);
}
