// SPDX-License-Identifier: GPL-2.0
//
// What is done with numbers of descriptors, as system calls answer.
#ifndef LKL_TOOL_PRELOAD_DESCRIPTORS_H
#define LKL_TOOL_PRELOAD_DESCRIPTORS_H

#include <sys/stat.h>

namespace lkl::preload {

long close_number(int fd);
// close_range(2), but for what is the library's.
long close_range_of(unsigned first, unsigned last, int flags);
long copy_number(int fd, int number, int flags);
long control_number(int fd, int command, unsigned long argument);
long request_of(int fd, unsigned long request, unsigned long argument);
long status_of(int fd, struct stat* status);

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_DESCRIPTORS_H
