// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_FUSE_REMOUNT_H
#define LKL_FUSE_REMOUNT_H

#include <string>

namespace lkl::fuse {

// mount -o remount,...: changes the flags of the host's mount, which goes on being served by the
// process that does that. `words` are options as mount(8) has them; flags that none of them is
// about stay as they are. Throws Failure.
void remount(const std::string& mount_point, const std::string& words);

// Whether "remount" is among the words.
bool asks_for_remount(const std::string& words);

}  // namespace lkl::fuse

#endif  // LKL_FUSE_REMOUNT_H
