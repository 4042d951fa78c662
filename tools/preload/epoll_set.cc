// SPDX-License-Identifier: GPL-2.0
#include "preload/epoll_set.h"

#include <lkl.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <sstream>
#include <string>
#include <utility>

#include "preload/deadline.h"
#include "preload/libc.h"
#include "preload/mask.h"
#include "preload/numbers.h"

namespace lkl::preload {

namespace {

// No data of a program's: of its 64 bits it may choose any, but addresses and small numbers are
// none of these.
constexpr std::uint64_t kOfHostsInstance = 0xfffe'7a5c'91b3'04d7;
constexpr std::uint64_t kWoken = 0xfffe'7a5c'91b3'04d8;

// The host's has no room between its parts.
lkl_epoll_event kernels(const epoll_event& event) {
  return {.events = event.events, .data = event.data.u64};
}

struct Spare {
  std::mutex mutex;
  std::vector<EpollSet*> sets;
};
// Never taken down: threads may go on at the very end.
Spare& spare() {
  static auto& all = *new Spare;
  return all;
}

}  // namespace

EpollSet* EpollSet::make() {
  const std::lock_guard lock(spare().mutex);
  if (spare().sets.empty()) return new EpollSet;
  EpollSet* const set = spare().sets.back();
  spare().sets.pop_back();
  set->references_ = 1;
  return set;
}

void EpollSet::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  end();
  const std::lock_guard lock(spare().mutex);
  spare().sets.push_back(this);
}

void EpollSet::end() {
  for (const Place& place : std::exchange(places_, {})) place.set->release();
  const int kernel = kernel_.exchange(-1);
  if (kernel < 0 || is_child()) return;
  in_kernel([&] {
    lkl_sys_close(static_cast<unsigned>(watch_));
    return lkl_sys_close(static_cast<unsigned>(kernel));
  });
  free_number(host_);
}

// Under the mutex.
long EpollSet::mix(int number) {
  if (kernel_ >= 0) return 0;
  const int host = make_librarys_by([&] { return libc().fcntl(number, F_DUPFD_CLOEXEC, 0); });
  if (host < 0) return -errno;
  int watch = -1;
  const long kernel = in_kernel([&]() -> lkl_long {
    const auto made = static_cast<int>(lkl_sys_epoll_create1(LKL_EPOLL_CLOEXEC));
    if (made < 0) return made;
    watch = lkl_watch_create(host, LKL_POLLIN, LKL_O_CLOEXEC | LKL_O_NONBLOCK);
    lkl_epoll_event event = {.events = LKL_EPOLLIN, .data = kOfHostsInstance};
    const lkl_long error =
        watch < 0 ? watch : lkl_sys_epoll_ctl(made, LKL_EPOLL_CTL_ADD, watch, &event);
    if (error == 0) return made;
    if (watch >= 0) lkl_sys_close(static_cast<unsigned>(watch));
    lkl_sys_close(static_cast<unsigned>(made));
    return error;
  });
  if (kernel < 0) {
    free_number(host);
    return kernel;
  }
  host_ = host;
  watch_ = watch;
  kernel_.store(static_cast<int>(kernel), std::memory_order_seq_cst);
  wake_who_waits_at_host();
  for (const Place& place : places_) move_to_kernel(place);
  for (const Place& place : places_) place.set->release();
  places_.clear();
  return 0;
}

// Those who come later see that it is not the host's alone.
void EpollSet::wake_who_waits_at_host() {
  if (at_host_ == 0) return;
  const int always = libc().eventfd(1, EFD_CLOEXEC);
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kWoken}};
  libc().epoll_ctl(host_, EPOLL_CTL_ADD, always, &event);
  // who has left by longjmp() is counted for ever
  for (int i = 0; at_host_ != 0 && i < 400; i++) ::usleep(50);
  libc().epoll_ctl(host_, EPOLL_CTL_DEL, always, nullptr);
  libc().close(always);
}

// Where the host's was the kernel's is now.
long EpollSet::move_to_kernel(const Place& place) {
  const std::lock_guard lock(place.set->mutex_);
  if (libc().epoll_ctl(place.host, EPOLL_CTL_DEL, host_, nullptr) != 0 && errno == EBADF) return 0;
  if (const long error = place.set->mix(place.host)) return error;
  lkl_epoll_event event = kernels(place.event);
  return in_kernel(
      [&] { return lkl_sys_epoll_ctl(place.set->kernel_, LKL_EPOLL_CTL_ADD, kernel_, &event); });
}

void EpollSet::move_to_host(int kernel, int number) {
  for (int fd = 0; fd <= highest_entry(); fd++) {
    const Entry entry = entry_of(fd);
    if (entry.owner() == Owner::kEpoll && entry.epoll()->kernel_fd() >= 0)
      entry.epoll()->move_registration(kernel, number);
  }
}

// What the kernel says of it: proc_pid_fdinfo(5). Inside.
void EpollSet::move_registration(int kernel, int number) {
  const std::lock_guard lock(mutex_);
  const std::string path = "/proc/self/fdinfo/" + std::to_string(kernel_);
  const auto file = static_cast<int>(lkl_sys_open(path.c_str(), LKL_O_RDONLY | LKL_O_CLOEXEC, 0));
  if (file < 0) return;
  std::string text;
  char part[4096];
  for (lkl_long count; (count = lkl_sys_read(static_cast<unsigned>(file), part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(count));
  lkl_sys_close(static_cast<unsigned>(file));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    int fd = -1;
    epoll_event event = {};
    unsigned long long data = 0;
    unsigned events = 0;
    if (std::sscanf(line.c_str(), "tfd: %d events: %x data: %llx", &fd, &events, &data) != 3 ||
        fd != kernel)
      continue;
    event.events = events;
    event.data.u64 = data;
    lkl_sys_epoll_ctl(kernel_, LKL_EPOLL_CTL_DEL, kernel, nullptr);
    libc().epoll_ctl(host_, EPOLL_CTL_ADD, number, &event);
    return;
  }
}

long EpollSet::control_epoll(int number, EpollSet& other, int operation, int fd,
                             epoll_event* event) {
  const std::lock_guard lock(other.mutex_);
  if (other.kernel_ >= 0) return EAGAIN;  // it has just become one of the kernel's
  const long result = raw(libc().epoll_ctl(number, operation, fd, event));
  if (result < 0) return result;
  const auto place = std::find_if(other.places_.begin(), other.places_.end(),
                                  [this](const Place& one) { return one.set == this; });
  if (operation == EPOLL_CTL_ADD) {
    hold();
    other.places_.push_back({.set = this, .host = number, .event = *event});
  } else if (place != other.places_.end() && operation == EPOLL_CTL_MOD) {
    place->event = *event;
  } else if (place != other.places_.end()) {
    other.places_.erase(place);
    release();
  }
  return result;
}

long EpollSet::control(int number, int operation, int fd, epoll_event* event) {
  const int kernel = preload::kernel_fd(fd);
  if (kernel == kNotThere) return -EBADF;
  if (kernel == kOfHost) {
    const Entry entry = entry_of(fd);
    if (entry.owner() == Owner::kEpoll && entry.epoll() != this && event != nullptr) {
      const long result = control_epoll(number, *entry.epoll(), operation, fd, event);
      return result == EAGAIN ? control(number, operation, fd, event) : result;
    }
    return raw(libc().epoll_ctl(number, operation, fd, event));
  }
  {
    const std::lock_guard lock(mutex_);
    if (const long error = mix(number)) return error;
  }
  lkl_epoll_event same = {};
  if (event != nullptr) same = kernels(*event);
  return in_kernel([&] {
    return lkl_sys_epoll_ctl(kernel_, operation, kernel, event != nullptr ? &same : nullptr);
  });
}

long EpollSet::wait_at_host(int number, epoll_event* events, int room, int milliseconds,
                            const sigset_t* mask) {
  at_host_.fetch_add(1, std::memory_order_seq_cst);
  if (kernel_.load(std::memory_order_seq_cst) >= 0) {
    at_host_.fetch_sub(1);
    return -EAGAIN;
  }
  // where a signal's handler does not come back, or the thread is cancelled, it is said as well
  struct Counted {
    std::atomic<int>& count;
    ~Counted() { count.fetch_sub(1); }
  };
  int count = 0;
  {
    const Counted counted{at_host_};
    count = libc().epoll_pwait(number, events, room, milliseconds, mask);
  }
  if (count < 0) return -errno;
  const int left = static_cast<int>(
      std::remove_if(events, events + count,
                     [](const epoll_event& event) { return event.data.u64 == kWoken; }) -
      events);
  return left == 0 && count > 0 ? -EAGAIN : left;
}

long EpollSet::wait_for_both(epoll_event* events, int room, int milliseconds) {
  constexpr int kMost = 256;
  lkl_epoll_event found[kMost];
  const Deadline deadline(milliseconds);
  for (;;) {
    const long count = lkl_sys_epoll_pwait(kernel_, found, std::min(room, kMost),
                                           deadline.milliseconds_left(), nullptr, 0);
    if (count <= 0) return count;
    int taken = 0;
    bool is_host_ready = false;
    for (const lkl_epoll_event& event : std::span(found, static_cast<std::size_t>(count))) {
      if (event.data == kOfHostsInstance)
        is_host_ready = true;
      else
        events[taken++] = {.events = event.events, .data = {.u64 = event.data}};
    }
    if (!is_host_ready) return taken;
    // what there is, first; then it is asked for again
    const int hosts = libc().epoll_pwait(host_, events + taken, room - taken, 0, nullptr);
    taken += std::max(hosts, 0);
    char ready[8];
    lkl_sys_read(static_cast<unsigned>(watch_), ready, sizeof ready);
    if (taken > 0 || milliseconds == 0) return taken;
  }
}

long EpollSet::wait(int number, epoll_event* events, int room, int milliseconds,
                    const sigset_t* mask) {
  const Deadline deadline(milliseconds);
  if (kernel_.load(std::memory_order_acquire) < 0) {
    const long result = wait_at_host(number, events, room, milliseconds, mask);
    if (result != -EAGAIN) return result;
  }
  if (room <= 0) return -EINVAL;
  hold();
  const long result = in_kernel([&]() -> long {
    const MaskFor masked(mask);
    return wait_for_both(events, room, deadline.milliseconds_left());
  });
  release();
  return result;
}

}  // namespace lkl::preload

using lkl::preload::answer;
using lkl::preload::Entry;
using lkl::preload::entry_of;
using lkl::preload::EpollSet;
using lkl::preload::is_child;
using lkl::preload::libc;
using lkl::preload::Owner;
using lkl::preload::this_thread;

namespace {

int known(int fd) {
  if (fd >= 0 && !is_child()) set_entry(fd, Entry::of_epoll(EpollSet::make()));
  return fd;
}

// nullptr: the host is to say what it is.
EpollSet* set_of(int fd) {
  if (this_thread.inside != 0 || is_child()) return nullptr;
  const Entry entry = entry_of(fd);
  return entry.owner() == Owner::kEpoll ? entry.epoll() : nullptr;
}

}  // namespace

extern "C" {

int epoll_create1(int flags) __THROW {
  const auto made = [flags] { return libc().epoll_create1(flags); };
  return this_thread.inside != 0 ? lkl::preload::make_librarys_by(made) : known(made());
}

int epoll_create(int size) __THROW {
  const auto made = [size] { return libc().epoll_create(size); };
  return this_thread.inside != 0 ? lkl::preload::make_librarys_by(made) : known(made());
}

int epoll_ctl(int number, int operation, int fd, epoll_event* event) __THROW {
  EpollSet* const set = set_of(number);
  if (set == nullptr) {
    // a child's: it becomes one of the host's
    lkl::preload::kernel_fd(fd);
    return libc().epoll_ctl(number, operation, fd, event);
  }
  return static_cast<int>(answer(set->control(number, operation, fd, event)));
}

int epoll_pwait(int number, epoll_event* events, int room, int milliseconds, const sigset_t* mask) {
  EpollSet* const set = set_of(number);
  if (set == nullptr) return libc().epoll_pwait(number, events, room, milliseconds, mask);
  return static_cast<int>(answer(set->wait(number, events, room, milliseconds, mask)));
}

int epoll_wait(int number, epoll_event* events, int room, int milliseconds) {
  return epoll_pwait(number, events, room, milliseconds, nullptr);
}

int epoll_pwait2(int number, epoll_event* events, int room, const timespec* time,
                 const sigset_t* mask) {
  // not before the time: rounded up
  const int milliseconds =
      time == nullptr ? -1
                      : static_cast<int>(std::min<long>(
                            time->tv_sec * 1000 + (time->tv_nsec + 999'999) / 1'000'000, INT_MAX));
  return epoll_pwait(number, events, room, milliseconds, mask);
}
}
