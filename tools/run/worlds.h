// SPDX-License-Identifier: GPL-2.0
//
// What is waited for in the host's kernel and in ours. Each has a thread that sleeps there: nothing
// has to be carried from one to the other before it is known.
#ifndef LKL_TOOL_RUN_WORLDS_H
#define LKL_TOOL_RUN_WORLDS_H

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/descriptor.h"

namespace lkl::tool::served {

class GuestSocket;

class Worlds {
 public:
  Worlds();
  ~Worlds();
  Worlds(const Worlds&) = delete;
  Worlds& operator=(const Worlds&) = delete;

  std::uint64_t new_id();
  void add(std::uint64_t id, std::shared_ptr<GuestSocket> socket);
  void remove(std::uint64_t id);
  std::shared_ptr<GuestSocket> find(std::uint64_t id);

  // Events are those of epoll(7), edges of them; what was watched before is not any more.
  void watch_host(int fd, std::uint64_t id, unsigned events, bool again);
  void watch_guest(int fd, std::uint64_t id, unsigned events, bool again);

  int host_epoll() const { return host_.get(); }
  int guest_epoll() const { return guest_; }

 private:
  Descriptor host_;
  int guest_;
  std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<GuestSocket>> sockets_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_WORLDS_H
