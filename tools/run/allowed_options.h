// SPDX-License-Identifier: GPL-2.0
//
// Options and requests of sockets that a program may hand to our kernel. To the kernel we are the
// program: an address in an option is an address here, a descriptor one of ours. So options that
// have such things are translated, or refused.
#ifndef LKL_TOOL_RUN_ALLOWED_OPTIONS_H
#define LKL_TOOL_RUN_ALLOWED_OPTIONS_H

#include <cstdint>
#include <vector>

#include "run/program_memory.h"

namespace lkl::tool::served {

inline constexpr std::size_t kLongestOption = 64 << 10;

// Sets the option as the program wants it: 0 or a negative error.
long set_option(int fd, int level, int name, std::uint64_t address, int size,
                const ProgramMemory& memory);
// Both the value and its size are written to the program.
long get_option(int fd, int level, int name, std::uint64_t address, std::uint64_t size_at,
                const ProgramMemory& memory);
// ioctl() with SIOC* and TUN*.
long request(int fd, unsigned number, std::uint64_t argument, const ProgramMemory& memory);

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_ALLOWED_OPTIONS_H
