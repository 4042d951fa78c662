// SPDX-License-Identifier: GPL-2.0
//
// What the host's kernel keeps of our files, and how to have it send or forget that. Where the host
// waits for requests of its own meanwhile, a thread asks it that serves none: those who serve are
// free to, even if there is just one.
#ifndef LKL_FUSE_HOST_CACHE_H
#define LKL_FUSE_HOST_CACHE_H

#include "fuse_api.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace lkl::fuse {

// Thread-safe.
class HostCache {
 public:
  HostCache() = default;
  HostCache(const HostCache&) = delete;
  HostCache& operator=(const HostCache&) = delete;
  ~HostCache() { stop(); }

  void start(fuse_session* session);
  // Runs what is to be done yet; requests have to be served until it is idle.
  void stop();
  bool idle();

  // The host asks for the attributes when it needs them next, before a write too. Does not wait.
  void forget_attributes(fuse_ino_t id);

  // Runs `job` on the thread that may wait. It has to answer the request it is for.
  void later(std::function<void()> job);

  // For jobs only.
  // The host sends what it has collected for this part (length 0: to the end) of a file, and
  // forgets its contents.
  void take_dirty(fuse_ino_t id, off_t at, off_t length);
  void forget_entry(fuse_ino_t directory, const std::string& name);
  // What it has read of the directory.
  void forget_list(fuse_ino_t directory);

 private:
  void work();

  fuse_session* session_ = nullptr;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wakes_;
  std::deque<std::function<void()>> jobs_;  // the first is being run
  bool ended_ = false;
};

}  // namespace lkl::fuse

#endif  // LKL_FUSE_HOST_CACHE_H
