// SPDX-License-Identifier: GPL-2.0
//
// lkl test boot: the kernel's built-in tests that are no KUnit suites.
#ifndef LKL_TOOL_BOOT_SET_H
#define LKL_TOOL_BOOT_SET_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ktest/test_set.h"

namespace lkl::tool {

// Boots. Throws Failure if the library has no such tests, UsageFailure if none passes the filter.
std::unique_ptr<TestSet> make_boot_set(std::uint64_t memory, const TestOptions& options);

// The types that a torture test knows, in what it says of one that it does not know; without those
// that are to fail.
std::vector<std::string> read_torture_types(std::string_view log);

}  // namespace lkl::tool

#endif  // LKL_TOOL_BOOT_SET_H
