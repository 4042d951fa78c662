// SPDX-License-Identifier: GPL-2.0
//
// Directories of damaged file systems whose entries come again and again.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "tree/basic_tree.h"

namespace lkl::tool {
namespace {

// How many entries are read before the circle is found; -1 if it is not.
long read_until_found(long lead, long period, long most) {
  Circle circle;
  for (long i = 0; i < most; i++) {
    const long number = i < lead ? i : lead + (i - lead) % period;
    const std::uint64_t inode = 1000 + static_cast<std::uint64_t>(number);
    char record[32] = {};
    std::memcpy(record, &inode, sizeof(inode));
    if (circle.closed_by(record, "name-" + std::to_string(number))) return i + 1;
  }
  return -1;
}

TEST(Circle, IsFoundSoon) {
  for (const long lead : {0, 1, 17, 1000})
    for (const long period : {1, 2, 3, 100, 4096}) {
      const long found = read_until_found(lead, period, 1'000'000);
      EXPECT_GT(found, 0) << lead << " " << period;
      EXPECT_LT(found, 8 * (lead + period) + 64) << lead << " " << period;
    }
}

TEST(Circle, IsNoneInASoundDirectory) {
  EXPECT_EQ(read_until_found(300'000, 1, 300'000), -1);
}

// A directory that is changed while it is read may give a name again.
TEST(Circle, OneNameAgainIsNone) {
  EXPECT_EQ(read_until_found(0, 1000, 2000), -1);
}

}  // namespace
}  // namespace lkl::tool
