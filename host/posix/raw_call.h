// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace lkl::host {

// A system call as it is: the result or -errno. No cancellation point, and errno stays as it was:
// for what is done on threads of the application, in the middle of their calls.
template <class... Arguments>
int64_t raw_call(long number, Arguments... arguments) {
  const int before = errno;
  const long result = ::syscall(number, arguments...);
  const int64_t answer = result < 0 ? -errno : result;
  errno = before;
  return answer;
}

}  // namespace lkl::host
