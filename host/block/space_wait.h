// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "block/backend.h"

namespace lkl::host {

// Writes for which the host had no room, tried again after pauses until it has. One thread of
// the pool waits for all of them.
class SpaceWait final : private IoCompletion, private BlockingTask {
 public:
  // `try_again` starts a request anew; it ends, or comes back here.
  SpaceWait(EventLoop& loop, std::function<void(BlockRequest&)> try_again,
            unsigned first_pause_ms = 10)
      : loop_(loop), try_again_(std::move(try_again)), first_pause_ms_(first_pause_ms) {}

  enum class Answer { kStopped, kFirst, kOneMore };
  // kStopped: it is not taken, and is to fail.
  Answer add(BlockRequest& request);
  // A request that was here has ended; true if it was the last one.
  bool ended(BlockRequest& request);
  // All fail with -ENOSPC that are here, or come.
  void stop();

 private:
  int64_t run() override;
  void done(int64_t result) override;

  EventLoop& loop_;
  const std::function<void(BlockRequest&)> try_again_;
  const unsigned first_pause_ms_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable stopping_;
  BlockRequest* first_ = nullptr;
  BlockRequest** end_ = &first_;
  unsigned requests_ = 0;  // that came and have not ended
  unsigned pause_ms_ = first_pause_ms_;
  unsigned failures_ = 0;  // of the pool, one after the other
  bool pausing_ = false;
  bool stopped_ = false;

  static constexpr unsigned kLastPauseMs = 1000;
  static constexpr unsigned kMaxFailures = 16;
};

}  // namespace lkl::host
