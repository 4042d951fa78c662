// SPDX-License-Identifier: GPL-2.0
//
// Takes out of an ext2, ext3 or ext4 file system what differs each time the same files are copied
// into one: the times at which its inodes were made and changed, their random generation numbers,
// and what the superblock counts. Works on the unmounted image, by libext2fs.
#ifndef LKL_TOOL_EXT_SETTLE_H
#define LKL_TOOL_EXT_SETTLE_H

#include <cstdint>
#include <string>

namespace lkl::tool {

// The time that e2fsprogs is told: it takes 0 for none, and the clock's.
std::uint32_t ext_time(std::uint32_t seconds);

// Loads libext2fs. Throws Failure if it is not installed.
void prepare_settling();

// Gives all that was made by mkfs and by mounting the time `seconds`; none is later then. In the
// sandbox, prepare_settling() has to be called before. Throws Failure if it is no such file system,
// or one that libext2fs does not know.
void settle_ext(int fd, const std::string& name, std::uint32_t seconds);

}  // namespace lkl::tool

#endif  // LKL_TOOL_EXT_SETTLE_H
