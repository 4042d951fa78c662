// SPDX-License-Identifier: GPL-2.0
//
// Calls for a socket that a child has as well: its number is one of the host's, as the child's is,
// and what the host cannot say of it is asked of who serves the children (serving.h). That is so
// for all from the time on when a child uses it, so that what one of them reads is nobody else's.
#ifndef LKL_TOOL_PRELOAD_ASKED_H
#define LKL_TOOL_PRELOAD_ASKED_H

#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "preload/libc.h"
#include "preload/numbers.h"

namespace lkl::preload {

using Words = std::array<std::uint64_t, 6>;

inline bool is_served(int fd) {
  return entry_of(fd).owner() == Owner::kServed && this_thread.inside == 0;
}

// The call's result, as the kernel has it; nothing if the host is to make it.
std::optional<long> ask_server(long call, const Words& words);

// A call of the host's, if it is not to be asked about.
template <class Host, class... Arguments>
long asked_or(Host host, long call, int fd, Arguments... arguments) {
  const auto word = [](auto argument) {
    if constexpr (std::is_pointer_v<decltype(argument)>)
      return reinterpret_cast<std::uint64_t>(argument);
    else
      return static_cast<std::uint64_t>(argument);
  };
  if (is_served(fd)) [[unlikely]]
    if (const auto result = ask_server(call, {word(fd), word(arguments)...})) return *result;
  return raw(host());
}

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_ASKED_H
