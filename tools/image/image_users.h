// SPDX-License-Identifier: GPL-2.0
//
// Who else uses an image: the host, that has a device or what lies in a file mounted, or a program
// that writes to it without the locks that images of ours have.
#ifndef LKL_TOOL_IMAGE_USERS_H
#define LKL_TOOL_IMAGE_USERS_H

#include <string>

struct stat;

namespace lkl::tool {

// What to tell of a block device that cannot be opened with O_EXCL.
std::string why_busy(const std::string& path, const struct stat& status);

// The file may be behind a loop device. Throws Failure if the host uses that; gives a warning if
// the host only has it, else nothing.
std::string check_loop_devices(const std::string& path, const struct stat& status);

// `fd`: the file, open for reading only. A warning if another program has it open for writing.
std::string check_other_writers(const std::string& path, int fd, const struct stat& status);

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_USERS_H
