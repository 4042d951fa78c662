// SPDX-License-Identifier: GPL-2.0
#include "host_cache.h"

#include <utility>

#include "base/signal_sets.h"
#include "base/signals.h"

namespace lkl::fuse {

void HostCache::start(fuse_session* session) {
  session_ = session;
  // Signals that end the mount are for the threads that serve.
  const tool::EndSignalsBlocked blocked;
  thread_ = std::thread([this] { work(); });
}

void HostCache::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wakes_.notify_one();
  thread_.join();
}

bool HostCache::idle() {
  const std::lock_guard lock(mutex_);
  return jobs_.empty();
}

void HostCache::later(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wakes_.notify_one();
}

void HostCache::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wakes_.wait(lock, [this] { return ended_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const std::function<void()> job = std::move(jobs_.front());
    lock.unlock();
    job();
    lock.lock();
    jobs_.pop_front();
  }
}

// That the host does not know an inode or a name any more is as good.

void HostCache::forget_attributes(fuse_ino_t id) {
  fuse_lowlevel_notify_inval_inode(session_, id, -1, 0);
}

void HostCache::take_dirty(fuse_ino_t id, off_t at, off_t length) {
  fuse_lowlevel_notify_inval_inode(session_, id, at, length);
}

void HostCache::forget_entry(fuse_ino_t directory, const std::string& name) {
  fuse_lowlevel_notify_inval_entry(session_, directory, name.c_str(), name.size());
}

void HostCache::forget_list(fuse_ino_t directory) {
  fuse_lowlevel_notify_inval_inode(session_, directory, 0, 0);
}

}  // namespace lkl::fuse
