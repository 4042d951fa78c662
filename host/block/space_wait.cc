// SPDX-License-Identifier: GPL-2.0
#include "block/space_wait.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace lkl::host {

SpaceWait::Answer SpaceWait::add(BlockRequest& request) {
  bool start, first = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return Answer::kStopped;
    if (!request.waits_for_space) {
      request.waits_for_space = true;
      first = requests_++ == 0;
    }
    request.next_waiting = nullptr;
    *end_ = &request;
    end_ = &request.next_waiting;
    start = !pausing_;
    pausing_ = true;
  }
  if (start) loop_.run_blocking(*this, *this);
  return first ? Answer::kFirst : Answer::kOneMore;
}

bool SpaceWait::ended(BlockRequest& request) {
  const std::lock_guard lock(mutex_);
  request.waits_for_space = false;
  if (--requests_ > 0) return false;
  pause_ms_ = first_pause_ms_;
  return true;
}

void SpaceWait::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  stopping_.notify_all();
}

int64_t SpaceWait::run() {
  std::unique_lock lock(mutex_);
  stopping_.wait_for(lock, std::chrono::milliseconds(pause_ms_), [this] { return stopped_; });
  pause_ms_ = std::min(2 * pause_ms_, kLastPauseMs);
  return 0;
}

void SpaceWait::done(int64_t result) {
  BlockRequest* request;
  bool fail;
  {
    const std::lock_guard lock(mutex_);
    // Without a thread there was no pause: not for ever.
    failures_ = result < 0 ? failures_ + 1 : 0;
    if (failures_ > kMaxFailures) stopped_ = true;
    fail = stopped_;
    request = first_;
    first_ = nullptr;
    end_ = &first_;
    pausing_ = false;
  }
  while (request) {
    BlockRequest* const next = request->next_waiting;
    if (fail)
      request->done(-ENOSPC);
    else
      try_again_(*request);
    request = next;
  }
}

}  // namespace lkl::host
