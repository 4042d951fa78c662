// SPDX-License-Identifier: GPL-2.0
// The kernel's random generator has what it needs from the host: at once, and again after a fork.
#include <unistd.h>

#include <array>
#include <set>

#include "support/child.h"
#include "support/kernel_test.h"

using lkl_test::in_child;
using lkl_test::KernelTest;

namespace {

using Number = std::array<unsigned char, 16>;

bool draw(Number& number) {
  return lkl_sys_getrandom(reinterpret_cast<char*>(number.data()), number.size(),
                           LKL_GRND_NONBLOCK) == static_cast<long>(number.size());
}

class RandomTest : public KernelTest {};

}  // namespace

TEST(Random, IsReadyWhenTheKernelIs) {
  lkl_host_operations ops = {};
  ops.print = lkl_test::keep_log;
  std::set<Number> numbers;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(lkl_init(&ops), 0);
    ASSERT_EQ(lkl_start_kernel("mem=64M loglevel=5"), 0);
    Number number;
    EXPECT_TRUE(draw(number));
    EXPECT_TRUE(numbers.insert(number).second);
    EXPECT_EQ(lkl_sys_halt(), 0);
    lkl_cleanup();
  }
}

TEST_F(RandomTest, AForkedKernelHasItsOwn) {
  // an unprivileged one as well
  ASSERT_EQ(lkl_sys_setresuid(1, 1, 1), 0);
  std::set<Number> numbers;
  Number number;
  for (int i = 0; i < 3; ++i) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    ASSERT_EQ(in_child([&] {
                if (!draw(number)) return 1;
                return write(pipe_ends[1], number.data(), number.size()) ==
                               static_cast<ssize_t>(number.size())
                           ? 0
                           : 2;
              }),
              0);
    ASSERT_EQ(read(pipe_ends[0], number.data(), number.size()),
              static_cast<ssize_t>(number.size()));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    EXPECT_TRUE(numbers.insert(number).second) << "child " << i;
  }
  ASSERT_TRUE(draw(number));
  EXPECT_TRUE(numbers.insert(number).second) << "parent";
}
