// SPDX-License-Identifier: GPL-2.0
//
// A kernel that runs tests: where its log goes.
#ifndef LKL_TOOL_KERNEL_LOG_H
#define LKL_TOOL_KERNEL_LOG_H

#include <lkl.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace lkl::tool {

// Where the log goes from now on, -1: nowhere. Returns where it went.
int log_to(int fd);
// Goes there, too, after what the kernel has said.
void write_to_log(std::string_view text);

// Takes the log of a boot for as long as it lives. If the kernel panics meanwhile, which ends the
// process, what there is of it goes to standard error.
class BootLog {
 public:
  BootLog();
  BootLog(const BootLog&) = delete;
  BootLog& operator=(const BootLog&) = delete;
  ~BootLog();

  std::string text() const;

 private:
  Descriptor file_;
};

// Boots; all but debugging messages go to the log, without time stamps.
Kernel boot_for_tests(std::uint64_t memory, const std::string& words);

std::vector<std::string_view> lines_of(std::string_view text);

// A text file of the kernel, empty if there is no such file.
std::string read_kernel_file(const char* path);

}  // namespace lkl::tool

#endif  // LKL_TOOL_KERNEL_LOG_H
