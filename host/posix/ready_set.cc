// SPDX-License-Identifier: GPL-2.0
#include "net/ready_set.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>

#include "posix/event_counter.h"
#include "posix/raw_call.h"

namespace lkl::host {
namespace {

int change(int set, int operation, int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  return static_cast<int>(raw_call(SYS_epoll_ctl, set, operation, fd, &event));
}

}  // namespace

int ReadySet::open(int in, int out) {
  set_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  // of its own: it may be the same as the other one, which can be in the set once
  out_ = Descriptor(::fcntl(out, F_DUPFD_CLOEXEC, 0));
  if (!set_ || !timer_ || !out_) return -errno;
  if (const int error = change(set_.get(), EPOLL_CTL_ADD, in, EPOLLIN)) return error;
  return change(set_.get(), EPOLL_CTL_ADD, timer_.get(), EPOLLIN);
}

// To set it makes it forget that it has gone off.
void ReadySet::set_alarm(uint64_t at_ns) {
  host::set_alarm(timer_.get(), at_ns);
}

// Not in the set unless it is wanted: an end that has hung up is told of in any case.
void ReadySet::want_room(bool wanted) {
  change(set_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, out_.get(), EPOLLOUT);
}

}  // namespace lkl::host
