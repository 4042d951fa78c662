// SPDX-License-Identifier: GPL-2.0
//
// A program, and all that it has started: who has the same sockets.
#ifndef LKL_TOOL_RUN_CLIENT_H
#define LKL_TOOL_RUN_CLIENT_H

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "run/guest_user.h"
#include "run/notification.h"
#include "run/program_memory.h"

namespace lkl::tool::served {

class GuestSocket;

// What a call has done that has not reached the program, since a signal came meanwhile: when it
// makes the call again it must not be done twice.
struct Undelivered {
  int call = 0;
  std::array<std::uint64_t, 6> arguments = {};
  long result = 0;
};

class Client {
 public:
  Client(GuestNamespace network, GuestUser user)
      : network(std::move(network)), user(std::move(user)) {}

  // What the calling thread does in our kernel from now on is done by them.
  void act() const { act_as(network, user); }

  // All below: any thread. A socket itself is used by the one that serves it alone.
  // Sockets that are theirs, by the cookie (cookie_of()) of the end that they have. Nobody else's
  // can be found here.
  std::shared_ptr<GuestSocket> find(std::uint64_t cookie) {
    const std::lock_guard lock(mutex_);
    const auto found = sockets_.find(cookie);
    return found == sockets_.end() ? nullptr : found->second;
  }
  void add(std::uint64_t cookie, std::shared_ptr<GuestSocket> socket) {
    const std::lock_guard lock(mutex_);
    sockets_[cookie] = std::move(socket);
  }
  void remove(std::uint64_t cookie) {
    const std::lock_guard lock(mutex_);
    sockets_.erase(cookie);
  }
  // It has no end here any more by which we would see that it is closed: the oldest of many such
  // ones are forgotten.
  void keep_remains(std::uint64_t cookie) {
    constexpr std::size_t kMost = 4096;
    const std::lock_guard lock(mutex_);
    remains_.push_back(cookie);
    if (remains_.size() <= kMost) return;
    sockets_.erase(remains_.front());
    remains_.pop_front();
  }
  std::unordered_map<std::uint64_t, std::shared_ptr<GuestSocket>> take_all() {
    const std::lock_guard lock(mutex_);
    return std::exchange(sockets_, {});
  }

  void remember(pid_t thread, const Undelivered& what) {
    const std::lock_guard lock(mutex_);
    undelivered_[thread] = what;
  }
  std::optional<Undelivered> recall(pid_t thread) {
    const std::lock_guard lock(mutex_);
    const auto found = undelivered_.find(thread);
    if (found == undelivered_.end()) return std::nullopt;
    const Undelivered what = found->second;
    undelivered_.erase(found);
    return what;
  }

  const GuestNamespace network;
  const GuestUser user;
  ProgramDescriptors descriptors;

 private:
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, std::shared_ptr<GuestSocket>> sockets_;
  std::deque<std::uint64_t> remains_;
  std::unordered_map<pid_t, Undelivered> undelivered_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_CLIENT_H
