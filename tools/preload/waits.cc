// SPDX-License-Identifier: GPL-2.0
#include "preload/waits.h"

#include <lkl.h>
#include <sys/select.h>

#include <algorithm>
#include <vector>

#include "preload/libc.h"
#include "preload/mask.h"
#include "preload/numbers.h"

namespace lkl::preload {

namespace {

lkl_pollfd* kernels(pollfd* of) {
  static_assert(sizeof(lkl_pollfd) == sizeof(pollfd));
  return reinterpret_cast<lkl_pollfd*>(of);
}

lkl_long ask_kernel(std::span<pollfd> of, const std::optional<timespec>& time) {
  __lkl__kernel_timespec left = {};
  if (time) left = {.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec};
  return lkl_sys_ppoll(kernels(of.data()), static_cast<unsigned>(of.size()), time ? &left : nullptr,
                       nullptr, 0);
}

long ask_host(std::span<pollfd> of, int milliseconds) {
  return raw(libc().poll(of.data(), of.size(), milliseconds));
}

// An epoll instance of the host's that the kernel watches: a thread's, for what it waits for in
// the host while it waits in the kernel. Inside.
class Bridge {
 public:
  Bridge() = default;
  ~Bridge() {
    if (host_ < 0 || is_child()) return;
    const Inside inside;
    lkl_sys_close(static_cast<unsigned>(watch_));
    free_number(host_);
  }
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  // The kernel's descriptor, or an error.
  int watch() {
    if (host_ >= 0) return watch_;
    const int made = make_librarys_by([] { return libc().epoll_create1(EPOLL_CLOEXEC); });
    if (made < 0) return -errno;
    const int watch = lkl_watch_create(made, LKL_POLLIN, LKL_O_CLOEXEC | LKL_O_NONBLOCK);
    if (watch < 0) {
      free_number(made);
      return watch;
    }
    host_ = made;
    return watch_ = watch;
  }

  void add(std::span<const pollfd> of) const {
    for (std::size_t i = 0; i < of.size(); i++) {
      if (of[i].fd < 0) continue;
      // one entry for all with its number
      unsigned events = 0;
      bool is_first = true;
      for (std::size_t j = 0; j < of.size(); j++) {
        if (of[j].fd != of[i].fd) continue;
        events |= static_cast<unsigned short>(of[j].events);
        is_first = is_first && j >= i;
        if (!is_first) break;
      }
      if (!is_first) continue;
      epoll_event event = {.events = events, .data = {.fd = of[i].fd}};
      libc().epoll_ctl(host_, EPOLL_CTL_ADD, of[i].fd, &event);
    }
  }
  void remove(std::span<const pollfd> of) const {
    for (const pollfd& one : of)
      if (one.fd >= 0) libc().epoll_ctl(host_, EPOLL_CTL_DEL, one.fd, nullptr);
  }
  // What is told of is told of once.
  void ask_again() const {
    char ready[8];
    lkl_sys_read(static_cast<unsigned>(watch_), ready, sizeof ready);
  }

 private:
  int host_ = -1, watch_ = -1;
};
thread_local Bridge bridge;

struct Parts {
  std::vector<pollfd> of_kernel, of_host;
  std::vector<std::size_t> kernel_places, host_places;

  void give_back(std::span<pollfd> all) const {
    for (std::size_t i = 0; i < kernel_places.size(); i++)
      all[kernel_places[i]].revents = of_kernel[i].revents;
    for (std::size_t i = 0; i < host_places.size(); i++)
      all[host_places[i]].revents = of_host[i].revents;
  }
};

// False if all is the host's.
bool divide(std::span<pollfd> all, Parts& parts) {
  const bool any = std::any_of(all.begin(), all.end(), [](const pollfd& one) {
    return one.fd >= 0 && kernel_fd(one.fd) != kOfHost;
  });
  if (!any) return false;
  for (std::size_t i = 0; i < all.size(); i++) {
    const int kernel = all[i].fd < 0 ? kOfHost : kernel_fd(all[i].fd);
    if (kernel == kOfHost) {
      parts.of_host.push_back(all[i]);
      parts.host_places.push_back(i);
    } else {
      // the library's own are none; below zero would be left out
      parts.of_kernel.push_back(
          {.fd = kernel == kNotThere ? INT_MAX : kernel, .events = all[i].events, .revents = 0});
      parts.kernel_places.push_back(i);
    }
  }
  return true;
}

long wait_in_kernel(Parts& parts, const Deadline& deadline) {
  const bool is_mixed = std::any_of(parts.of_host.begin(), parts.of_host.end(),
                                    [](const pollfd& one) { return one.fd >= 0; });
  if (!is_mixed) return ask_kernel(parts.of_kernel, deadline.left());
  for (;;) {
    const lkl_long of_kernel = ask_kernel(parts.of_kernel, timespec{});
    if (of_kernel < 0) return of_kernel;
    const long of_host = ask_host(parts.of_host, 0);
    if (of_host < 0) return of_host;
    if (of_kernel + of_host > 0 || deadline.is_over()) return of_kernel + of_host;
    const int watch = bridge.watch();
    if (watch < 0) return watch;
    bridge.add(parts.of_host);
    parts.of_kernel.push_back({.fd = watch, .events = POLLIN, .revents = 0});
    const lkl_long result = ask_kernel(parts.of_kernel, deadline.left());
    const bool is_host_ready = parts.of_kernel.back().revents != 0;
    parts.of_kernel.pop_back();
    bridge.remove(parts.of_host);
    if (is_host_ready) bridge.ask_again();
    if (result < 0) return result;
  }
}

}  // namespace

long wait_for(std::span<pollfd> all, const Deadline& deadline, const sigset_t* mask) {
  Parts parts;
  if (this_thread.inside != 0 || !divide(all, parts)) {
    const auto left = deadline.left();
    return raw(libc().ppoll(all.data(), all.size(), left ? &*left : nullptr, mask));
  }
  const long result = in_kernel([&] {
    const MaskFor masked(mask);
    return wait_in_kernel(parts, deadline);
  });
  if (result >= 0) parts.give_back(all);
  return result;
}

namespace {

constexpr short kIn = POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR;
constexpr short kOut = POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR;

// Sets may be longer than the type has room for.
class Bits {
 public:
  Bits(fd_set* set, int count) : words_(reinterpret_cast<unsigned long*>(set)), count_(count) {}
  bool has(int fd) const {
    return words_ != nullptr && (words_[fd / kWord] >> (fd % kWord) & 1) != 0;
  }
  void set(int fd, bool to) {
    if (words_ == nullptr) return;
    const unsigned long bit = 1UL << (fd % kWord);
    words_[fd / kWord] = to ? words_[fd / kWord] | bit : words_[fd / kWord] & ~bit;
  }
  void clear() {
    for (int fd = 0; fd < count_; fd++) set(fd, false);
  }

 private:
  static constexpr int kWord = 64;
  unsigned long* words_;
  int count_;
};

// nullopt: all is the host's.
std::optional<long> select_both(int count, fd_set* in, fd_set* out, fd_set* except,
                                const Deadline& deadline, const sigset_t* mask) {
  if (this_thread.inside != 0 || count < 0) return std::nullopt;
  Bits reads(in, count), writes(out, count), excepts(except, count);
  std::vector<pollfd> all;
  bool any = false;
  for (int fd = 0; fd < count; fd++) {
    const short events = static_cast<short>((reads.has(fd) ? POLLIN | POLLRDNORM | POLLRDBAND : 0) |
                                            (writes.has(fd) ? POLLOUT | POLLWRNORM : 0) |
                                            (excepts.has(fd) ? POLLPRI : 0));
    if (events == 0) continue;
    any = any || kernel_fd(fd) != kOfHost;
    all.push_back({.fd = fd, .events = events, .revents = 0});
  }
  if (!any) return std::nullopt;
  const long result = wait_for(all, deadline, mask);
  if (result < 0) return result;
  long ready = 0;
  for (const pollfd& one : all)
    if ((one.revents & POLLNVAL) != 0) return -EBADF;
  std::vector<std::array<bool, 3>> found;
  for (const pollfd& one : all)
    found.push_back({reads.has(one.fd) && (one.revents & kIn) != 0,
                     writes.has(one.fd) && (one.revents & kOut) != 0,
                     excepts.has(one.fd) && (one.revents & POLLPRI) != 0});
  reads.clear();
  writes.clear();
  excepts.clear();
  for (std::size_t i = 0; i < all.size(); i++) {
    reads.set(all[i].fd, found[i][0]);
    writes.set(all[i].fd, found[i][1]);
    excepts.set(all[i].fd, found[i][2]);
    ready += found[i][0] + found[i][1] + found[i][2];
  }
  return ready;
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

int poll(pollfd* all, nfds_t count, int milliseconds) {
  if (this_thread.inside != 0) return libc().poll(all, count, milliseconds);
  return static_cast<int>(
      answer(wait_for({all, count}, Deadline(std::max(milliseconds, -1)), nullptr)));
}

int ppoll(pollfd* all, nfds_t count, const timespec* time, const sigset_t* mask) {
  if (this_thread.inside != 0) return libc().ppoll(all, count, time, mask);
  return static_cast<int>(answer(wait_for({all, count}, Deadline(time), mask)));
}

int select(int count, fd_set* in, fd_set* out, fd_set* except, timeval* time) {
  timespec exact = {};
  if (time != nullptr) exact = {.tv_sec = time->tv_sec, .tv_nsec = time->tv_usec * 1000};
  const Deadline deadline(time != nullptr ? &exact : nullptr);
  const auto result = select_both(count, in, out, except, deadline, nullptr);
  if (!result) return libc().select(count, in, out, except, time);
  // Linux says what is left
  if (const auto left = deadline.left(); time != nullptr && left)
    *time = {.tv_sec = left->tv_sec, .tv_usec = left->tv_nsec / 1000};
  return static_cast<int>(answer(*result));
}

int pselect(int count, fd_set* in, fd_set* out, fd_set* except, const timespec* time,
            const sigset_t* mask) {
  const auto result = select_both(count, in, out, except, Deadline(time), mask);
  if (!result) return libc().pselect(count, in, out, except, time, mask);
  return static_cast<int>(answer(*result));
}

[[noreturn]] void __chk_fail();

int __poll_chk(pollfd* all, nfds_t count, int milliseconds, size_t size) {
  if (count > size / sizeof *all) __chk_fail();
  return poll(all, count, milliseconds);
}
int __ppoll_chk(pollfd* all, nfds_t count, const timespec* time, const sigset_t* mask,
                size_t size) {
  if (count > size / sizeof *all) __chk_fail();
  return ppoll(all, count, time, mask);
}
}
