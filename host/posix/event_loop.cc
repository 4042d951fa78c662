// SPDX-License-Identifier: GPL-2.0
#include "io/event_loop.h"

#include <cstdlib>
#include <string_view>

#include "posix/pool_loop.h"
#include "posix/valgrind.h"
#ifdef LKL_HAVE_URING
#include "posix/uring_loop.h"
#endif

namespace lkl {

std::unique_ptr<EventLoop> make_event_loop(EventLoopKind kind) {
  if (kind == EventLoopKind::kAuto) {
    const char* wish = std::getenv("LKL_IO");
    if (wish && std::string_view(wish) == "threads") kind = EventLoopKind::kThreads;
    // which does not know that waiting for a ring blocks: no other thread would run
    if (host::valgrind::runs_us()) kind = EventLoopKind::kThreads;
  }
#ifdef LKL_HAVE_URING
  if (kind != EventLoopKind::kThreads) {
    if (std::unique_ptr<EventLoop> loop = UringLoop::create()) return loop;
  }
#endif
  if (kind == EventLoopKind::kUring) return nullptr;
  return std::make_unique<PoolLoop>();
}

}  // namespace lkl
