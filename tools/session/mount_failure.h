// SPDX-License-Identifier: GPL-2.0
//
// Why the kernel did not mount a file system, in words, and what helps.
#ifndef LKL_TOOL_MOUNT_FAILURE_H
#define LKL_TOOL_MOUNT_FAILURE_H

#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "disk/probe.h"

namespace lkl::tool {

struct MountAttempt {
  std::string type;  // of the kernel's driver
  std::error_code error;
  std::string data;              // the options given to the file system
  std::vector<std::string> log;  // what the kernel said meanwhile, line by line
  Contents contents;             // of the device
  std::string damage;            // what is known to be wrong with the image; mostly empty
  bool for_writing = false;
};

// Whether the library's profile with page tables has the kernel's driver of this name, and the
// smaller ones have not.
bool is_in_default_profile(std::string_view type);

// Begins with "; ". Empty if nothing is known but what the kernel said. Of damage it speaks only
// where the kernel does.
std::string explain(const MountAttempt& attempt);

}  // namespace lkl::tool

#endif  // LKL_TOOL_MOUNT_FAILURE_H
