// SPDX-License-Identifier: GPL-2.0
//
// lkl test packetdrill and lkl test net: scripts of packetdrill, each by each family of protocols
// in a fork of one booted kernel.
#ifndef LKL_TOOL_DRILL_SET_H
#define LKL_TOOL_DRILL_SET_H

#include <cstdint>
#include <memory>

#include "ktest/test_set.h"

namespace lkl::tool {

// The scripts of the options. Boots. Throws Failure if one can't be read, or the library has no
// network.
std::unique_ptr<TestSet> make_drill_set(std::uint64_t memory, const TestOptions& options);
// Those of the kernel tree, without those that are known not to pass here.
std::unique_ptr<TestSet> make_net_set(std::uint64_t memory, const TestOptions& options);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DRILL_SET_H
