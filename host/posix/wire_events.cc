// SPDX-License-Identifier: GPL-2.0
#include "posix/wire_events.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>

#include "host.h"
#include "posix/event_counter.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

// On the interface's changes, of which there are few.
int open_links(Descriptor& result) {
  result = Descriptor(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!result) return -errno;
  sockaddr_nl own = {};
  own.nl_family = AF_NETLINK;
  own.nl_groups = RTMGRP_LINK;
  return ::bind(result.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) < 0 ? -errno : 0;
}

}  // namespace

int WireEvents::open(int socket, int index) {
  socket_ = socket;
  index_ = index;
  if (index != kNoInterface)
    if (const int error = open_links(links_)) return error;
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  gate_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!set_ || !gate_ || !timer_) return -errno;
  for (const int fd : {socket, timer_.get(), links_.get()}) {
    if (fd < 0) continue;
    epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    if (::epoll_ctl(set_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return -errno;
  }
  if (links_) read_link();
  return 0;
}

void WireEvents::shut() {
  shut_.store(true);
  shut_counter(gate_.get(), true);
}

void WireEvents::open_gate() {
  shut_.store(false);
  shut_counter(gate_.get(), false);
}

void WireEvents::wait_for_room() {
  shut();
  epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data = {.fd = socket_}};
  raw_call(SYS_epoll_ctl, set_.get(), EPOLL_CTL_MOD, socket_, &event);
}

void WireEvents::wait_a_moment() {
  const uint64_t moment = moment_ns_.load(std::memory_order_relaxed);
  moment_ns_.store(std::min(2 * moment, kLongestMoment), std::memory_order_relaxed);
  shut();
  set_alarm(timer_.get(), monotonic_ns() + moment);
}

void WireEvents::look() {
  epoll_event events[3];
  const int64_t count = raw_call(SYS_epoll_pwait, set_.get(), events, 3, 0, nullptr, 0);
  for (int64_t i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (fd == timer_.get()) {
      empty_counter(fd);
      open_gate();
    } else if (fd == links_.get()) {
      char first;  // of a message: the interface itself is asked
      while (raw_call(SYS_recvfrom, fd, &first, sizeof first, MSG_DONTWAIT, nullptr, nullptr) > 0)
        continue;
      read_link();
    } else if (events[i].events & EPOLLOUT) {
      epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
      raw_call(SYS_epoll_ctl, set_.get(), EPOLL_CTL_MOD, fd, &event);
      open_gate();
    }
  }
}

// By its index: it may have got another name.
void WireEvents::read_link() {
  ifreq request = {};
  request.ifr_ifindex = index_;
  if (raw_call(SYS_ioctl, links_.get(), SIOCGIFNAME, &request) < 0) return gone_.store(true);
  if (raw_call(SYS_ioctl, links_.get(), SIOCGIFFLAGS, &request) < 0) return;
  link_.store((request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING));
}

}  // namespace lkl::host
