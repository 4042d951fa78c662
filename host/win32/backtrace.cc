// SPDX-License-Identifier: GPL-2.0
#include <windows.h>

#include <cstdio>

#include "host.h"

namespace lkl::host {

// Of kernel code Windows has no unwind information, and the kernel has no frame pointers.
int backtrace(uint64_t*, int) {
  return 0;
}

void leave_backtrace() {}

int name_address(uint64_t, char*, int) {
  return 0;
}

void wait_for_debugger() {
  char text[128];
  const int length = std::snprintf(
      text, sizeof text, "lkl: waiting for a debugger of process %lu\n", GetCurrentProcessId());
  print(text, static_cast<size_t>(length));
  while (!IsDebuggerPresent()) sleep_ns(100'000'000);
  DebugBreak();
}

}  // namespace lkl::host
