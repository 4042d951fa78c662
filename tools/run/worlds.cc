// SPDX-License-Identifier: GPL-2.0
#include "run/worlds.h"

#include <fmt/format.h>
#include <lkl.h>
#include <sys/epoll.h>

#include "base/error.h"

namespace lkl::tool::served {

Worlds::Worlds()
    : host_(::epoll_create1(EPOLL_CLOEXEC), "epoll"),
      guest_(static_cast<int>(lkl_sys_epoll_create1(LKL_EPOLL_CLOEXEC))) {
  if (guest_ < 0) throw Failure(fmt::format("epoll of the kernel: {}", lkl_strerror(guest_)));
}

Worlds::~Worlds() {
  lkl_sys_close(static_cast<unsigned>(guest_));
}

std::uint64_t Worlds::new_id() {
  const std::lock_guard lock(mutex_);
  return ++last_id_;
}

void Worlds::add(std::uint64_t id, std::shared_ptr<GuestSocket> socket) {
  const std::lock_guard lock(mutex_);
  sockets_[id] = std::move(socket);
}

void Worlds::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  sockets_.erase(id);
}

std::shared_ptr<GuestSocket> Worlds::find(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second;
}

void Worlds::watch_host(int fd, std::uint64_t id, unsigned events, bool again) {
  epoll_event event = {};
  event.events = events | EPOLLET;
  event.data.u64 = id;
  ::epoll_ctl(host_.get(), again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void Worlds::watch_guest(int fd, std::uint64_t id, unsigned events, bool again) {
  lkl_epoll_event event = {};
  event.events = events | LKL_EPOLLET;
  event.data = id;
  lkl_sys_epoll_ctl(guest_, again ? LKL_EPOLL_CTL_MOD : LKL_EPOLL_CTL_ADD, fd, &event);
}

}  // namespace lkl::tool::served
