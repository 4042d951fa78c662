// SPDX-License-Identifier: GPL-2.0
//
// The threads that take requests from the host's kernel and serve them.
#ifndef LKL_FUSE_LOOP_H
#define LKL_FUSE_LOOP_H

#include <functional>

#include "buffer_pool.h"
#include "fuse_api.h"

namespace lkl::fuse {

// What the host may send with one request, in bytes: to be its max_write (fuse_conn_info).
constexpr unsigned kMostRequestData = 1 << 20;

// A page for what comes before the data, and one for what the data is not aligned to.
constexpr std::size_t kPage = 4096, kRequestBufferSize = kPage + kMostRequestData + kPage;

struct LoopOptions {
  BufferPool& buffers;  // of kRequestBufferSize
  unsigned threads = 1;
  // Asked after a signal: while it says no, the host waits for something that only requests give.
  std::function<bool()> may_end;
  // A descriptor that has POLLPRI at times, or -1, and what is to be done then.
  int watched = -1;
  std::function<void()> on_watched = {};
};

// Returns when the file system was unmounted, or SIGHUP, SIGINT or SIGTERM came. To be called while
// there are no other threads of the application that would get these. 0, or a negative error of
// the host.
int serve_requests(fuse_session* session, const LoopOptions& options);

}  // namespace lkl::fuse

#endif  // LKL_FUSE_LOOP_H
