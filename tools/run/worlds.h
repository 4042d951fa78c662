// SPDX-License-Identifier: GPL-2.0
//
// What is waited for in the host's kernel and in ours, by one thread: it sleeps in ours, which
// watches the host's epoll as one of its own descriptors.
#ifndef LKL_TOOL_RUN_WORLDS_H
#define LKL_TOOL_RUN_WORLDS_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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

  std::uint64_t new_id() { return ++last_id_; }
  void add(std::uint64_t id, std::shared_ptr<GuestSocket> socket);
  void remove(std::uint64_t id);
  std::shared_ptr<GuestSocket> find(std::uint64_t id);
  bool has_sockets() const { return !sockets_.empty(); }

  // Events are those of epoll(7), edges of them; what was watched before is not any more.
  void watch_host(int fd, std::uint64_t id, unsigned events, bool again);
  void watch_guest(int fd, std::uint64_t id, unsigned events, bool again);

  struct Event {
    std::uint64_t id;
    unsigned events;
  };
  class Events {
   public:
    void add(Event event) { all_[count_++] = event; }
    const Event* begin() const { return all_.data(); }
    const Event* end() const { return all_.data() + count_; }
    bool empty() const { return count_ == 0; }

    static constexpr int kMost = 64;

   private:
    std::array<Event, kMost> all_;
    std::size_t count_ = 0;
  };
  // What has happened in the host's kernel.
  Events host_events() const;
  // In ours. Waits so long (-1: for ever), or until there is something in either: host_events()
  // then.
  Events guest_events(int milliseconds) const;

  int host_epoll() const { return host_.get(); }

 private:
  Descriptor host_;
  int guest_;
  int host_watch_ = -1;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::shared_ptr<GuestSocket>> sockets_;
};

}  // namespace lkl::tool::served

#endif  // LKL_TOOL_RUN_WORLDS_H
