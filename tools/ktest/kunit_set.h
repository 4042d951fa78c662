// SPDX-License-Identifier: GPL-2.0
//
// lkl test kunit: the kernel's KUnit suites, each in a fork of one booted kernel.
#ifndef LKL_TOOL_KUNIT_SET_H
#define LKL_TOOL_KUNIT_SET_H

#include <cstdint>
#include <memory>

#include "ktest/test_set.h"

namespace lkl::tool {

// Boots. Throws Failure if the library has no KUnit, UsageFailure if no suite passes the filter.
std::unique_ptr<TestSet> make_kunit_set(std::uint64_t memory, const TestOptions& options);

}  // namespace lkl::tool

#endif  // LKL_TOOL_KUNIT_SET_H
