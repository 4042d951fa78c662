// SPDX-License-Identifier: GPL-2.0
// What a socket on an interface of the host has to be waited for besides its frames: room to send,
// a moment that has to pass, and the interface's state.
#pragma once

#include <atomic>
#include <cstdint>

#include "descriptor.h"

namespace lkl::host {

// All of it is in one epoll(7) set, in(). That can't be waited for to be writable, so out() is a
// gate of its own: an event counter that is full, and therefore not writable, while it is shut.
class WireEvents final {
 public:
  // For this socket, which stays the caller's, on the interface of this index. 0 or -errno.
  int open(int socket, int index);
  // The same for another descriptor, which is of no interface.
  int open(int descriptor) { return open(descriptor, kNoInterface); }

  int in() const { return set_.get(); }
  int out() const { return gate_.get(); }

  // ---- who sends: out() is ready not before ----
  // the socket has room,
  void wait_for_room();
  // or a moment is over: nobody tells when the host's queue has room. It is longer each time until
  // went_on().
  void wait_a_moment();
  void went_on() { moment_ns_.store(kFirstMoment, std::memory_order_relaxed); }

  // ---- who receives ----
  // The socket had nothing, or what it had may have hidden something else.
  bool wants_look(bool frames) const { return !frames || shut_.load(std::memory_order_relaxed); }
  void look();

  // As far as look() has seen: it is up and has a carrier; it is no more.
  bool has_link() const { return link_.load(std::memory_order_relaxed); }
  bool gone() const { return gone_.load(std::memory_order_relaxed); }

 private:
  static constexpr int kNoInterface = 0;
  static constexpr uint64_t kFirstMoment = 100'000, kLongestMoment = 10'000'000;

  void shut();
  void open_gate();
  void read_link();

  int socket_ = -1, index_ = 0;
  Descriptor set_, gate_, timer_, links_;
  std::atomic<bool> shut_ = false, link_ = true, gone_ = false;
  std::atomic<uint64_t> moment_ns_ = kFirstMoment;
};

}  // namespace lkl::host
