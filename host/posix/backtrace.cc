// SPDX-License-Identifier: GPL-2.0
// Backtraces by the compiler's unwinder: exact in kernel code too, which has unwind
// tables, and through the change of stacks (arch/lkl/isa/*/switch.S).
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>
#include <unwind.h>

#include <atomic>
#include <cstdio>
#include <cstring>

#include "host.h"

namespace lkl::host {
namespace {

struct Frames {
  uint64_t* addresses;
  int max;
  int count = 0;
  bool in_kernel = false;
};

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void* raw) {
  auto& frames = *static_cast<Frames*>(raw);
  const uint64_t pc = _Unwind_GetIP(context);
  // the first ones are ours
  frames.in_kernel |= lkl_kernel_owns(pc) != 0;
  if (!frames.in_kernel) return _URC_NO_REASON;
  if (pc == 0 || frames.count == frames.max) return _URC_END_OF_STACK;
  frames.addresses[frames.count++] = pc;
  return _URC_NO_REASON;
}

// A stack that was overwritten leads anywhere. There is one report at a time: whoever
// makes it holds the virtual CPU.
sigjmp_buf way_out;
std::atomic<bool> walking = false;
pthread_t walker;

}  // namespace

int backtrace(uint64_t* addresses, int max) {
  Frames frames{.addresses = addresses, .max = max};
  if (walking.exchange(true)) return 0;
  walker = pthread_self();
  if (sigsetjmp(way_out, 1) == 0) _Unwind_Backtrace(add_frame, &frames);
  walking.store(false);
  return frames.count;
}

void leave_backtrace() {
  if (walking.load() && pthread_equal(walker, pthread_self())) siglongjmp(way_out, 1);
}

void wait_for_debugger() {
  char text[128];
  int length =
      std::snprintf(text, sizeof text, "lkl: waiting for a debugger: gdb -p %d\n", getpid());
  print(text, static_cast<size_t>(length));
  for (;;) {
    char status[4096] = {};
    const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
      (void)!read(fd, status, sizeof status - 1);
      close(fd);
    }
    int tracer = 0;
    if (const char* line = std::strstr(status, "TracerPid:"))
      std::sscanf(line, "TracerPid: %d", &tracer);
    // in this thread it stops, whichever it looks at now
    if (tracer != 0) break;
    sleep_ns(100'000'000);
  }
  raise(SIGTRAP);
}

}  // namespace lkl::host
