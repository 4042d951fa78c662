// SPDX-License-Identifier: GPL-2.0
//
// Takes out of an ext2, ext3 or ext4 file system what differs each time the same files are copied
// into one: the times at which its inodes were made and changed, their random generation numbers,
// and what the superblock counts. Works on the unmounted image.
#ifndef LKL_TOOL_EXT_SETTLE_H
#define LKL_TOOL_EXT_SETTLE_H

#include <cstdint>
#include <string>
#include <vector>

namespace lkl::tool {

// The features among those that make check sums of inodes, which settle_ext() cannot make anew: to
// be taken off before it and put on again after it. In the order of putting them on.
std::vector<std::string> checksum_features(int fd, const std::string& name);

// Gives all that was made by mounting the time `seconds`. Throws Failure if it is no such file
// system, or one with features that are not known here.
void settle_ext(int fd, const std::string& name, std::uint32_t seconds);

}  // namespace lkl::tool

#endif  // LKL_TOOL_EXT_SETTLE_H
