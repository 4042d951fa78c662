// SPDX-License-Identifier: GPL-2.0
#include "io/event_loop.h"

#include <memory>
#include <string_view>

#include "host.h"
#include "posix/host_loop.h"
#include "posix/valgrind.h"

namespace lkl::host {

std::unique_ptr<EventLoop> make_event_loop(EventLoopKind kind, int* error) {
  if (kind == EventLoopKind::kAuto) {
    const char* wish = host::environment("LKL_IO");
    if (wish && std::string_view(wish) == "threads") kind = EventLoopKind::kThreads;
    // which does not know that waiting for a ring blocks: no other thread would run
    if (host::valgrind::runs_us()) kind = EventLoopKind::kThreads;
  }
  auto loop = std::make_unique<HostLoop>();
  const int result = loop->open(kind != EventLoopKind::kThreads, kind == EventLoopKind::kUring);
  if (error) *error = result;
  if (result != 0) return nullptr;
  return loop;
}

}  // namespace lkl::host
