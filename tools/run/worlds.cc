// SPDX-License-Identifier: GPL-2.0
#include "run/worlds.h"

#include <fmt/format.h>
#include <lkl.h>
#include <sys/epoll.h>

#include <array>

#include "base/error.h"

namespace lkl::tool::served {

namespace {

// No id of a socket.
constexpr std::uint64_t kOfHost = UINT64_MAX;

int check(lkl_long result, const char* what) {
  if (result < 0)
    throw Failure(
        fmt::format("{} of the kernel: {}", what, lkl_strerror(static_cast<int>(result))));
  return static_cast<int>(result);
}

}  // namespace

Worlds::Worlds()
    : host_(::epoll_create1(EPOLL_CLOEXEC), "epoll"),
      guest_(check(lkl_sys_epoll_create1(LKL_EPOLL_CLOEXEC), "epoll")) {
  host_watch_ =
      check(lkl_watch_create(host_.get(), LKL_POLLIN, LKL_O_CLOEXEC | LKL_O_NONBLOCK), "a watch");
  watch_guest(host_watch_, kOfHost, LKL_EPOLLIN, false);
}

Worlds::~Worlds() {
  lkl_sys_close(static_cast<unsigned>(host_watch_));
  lkl_sys_close(static_cast<unsigned>(guest_));
}

void Worlds::add(std::uint64_t id, std::shared_ptr<GuestSocket> socket) {
  sockets_[id] = std::move(socket);
}

void Worlds::remove(std::uint64_t id) {
  sockets_.erase(id);
}

std::shared_ptr<GuestSocket> Worlds::find(std::uint64_t id) {
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

Worlds::Events Worlds::host_events() const {
  std::array<epoll_event, Events::kMost> events;
  const int count = ::epoll_wait(host_.get(), events.data(), Events::kMost, 0);
  Events told;
  for (int i = 0; i < count; i++) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    told.add({event.data.u64, event.events});
  }
  return told;
}

Worlds::Events Worlds::guest_events(int milliseconds) const {
  std::array<lkl_epoll_event, Events::kMost> events;
  const lkl_long count =
      lkl_sys_epoll_pwait(guest_, events.data(), Events::kMost, milliseconds, nullptr, 0);
  Events told;
  for (lkl_long i = 0; i < count; i++) {
    const lkl_epoll_event event = events[static_cast<std::size_t>(i)];
    if (event.data != kOfHost) {
      told.add({event.data, event.events});
      continue;
    }
    // to be said again when there is something again
    std::uint64_t ready;
    lkl_sys_read(static_cast<unsigned>(host_watch_), reinterpret_cast<char*>(&ready), sizeof ready);
  }
  return told;
}

}  // namespace lkl::tool::served
