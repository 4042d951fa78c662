// SPDX-License-Identifier: GPL-2.0
// Adding up data of gcov: the counters, and only those.
#include "core/gcda.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

using lkl::host::add_gcda;
using lkl::host::gcda_has_counts;

namespace {

std::string words(const std::vector<uint32_t>& list) {
  return {reinterpret_cast<const char*>(list.data()), list.size() * sizeof(uint32_t)};
}

// As gcc 12 writes it: one function of two arcs, another of one.
std::string gcda(uint32_t stamp, uint32_t a, uint32_t b, uint32_t c) {
  return words({0x67636461, 0x42323252, stamp, 0,                                 //
                0x01000000, 12,         1,     2, 3, 0x01a10000, 16, a, 0, b, 1,  //
                0x01000000, 12,         4,     5, 6, 0x01a10000, 8,  c, 0});
}

TEST(Gcda, AddsCounters) {
  std::string sum = gcda(7, 1, 2, 3);
  EXPECT_TRUE(add_gcda(sum, gcda(7, 10, 0xffffffff, 30)));
  std::string expected = gcda(7, 11, 1, 33);
  // 2 + 0xffffffff carries into the upper half: 1 + 1 + 1
  expected[4 * 14] = 3;
  EXPECT_EQ(sum, expected);
}

TEST(Gcda, OnlyOfTheSameBuild) {
  const std::string data = gcda(7, 1, 2, 3);
  for (const std::string& other : {gcda(8, 1, 2, 3), std::string(), data.substr(0, 20),
                                   data + std::string(4, '\0'), std::string(data.size(), 'x')}) {
    std::string sum = other;
    EXPECT_FALSE(add_gcda(sum, data));
    EXPECT_EQ(sum, other);
  }
  // what neither understands is not added to itself
  std::string broken = words({0x67636461, 1, 2, 3, 0x01a10000, 400, 1, 0});
  EXPECT_FALSE(add_gcda(broken, std::string(broken)));
}

TEST(Gcda, HasCounts) {
  EXPECT_FALSE(gcda_has_counts(words({0x67636461, 1, 2, 3, 0x01a10000, 8, 0, 0})));
  EXPECT_TRUE(gcda_has_counts(words({0x67636461, 1, 2, 3, 0x01a10000, 8, 0, 1})));
}

}  // namespace
