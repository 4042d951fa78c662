// SPDX-License-Identifier: GPL-2.0
#include "preload/numbers.h"

#include <sys/resource.h>

#include <algorithm>

#include "preload/epoll_set.h"
#include "preload/family.h"
#include "preload/libc.h"
#include "preload/say.h"

namespace lkl::preload {

std::atomic<std::uint64_t> numbers[kMostNumbers];
std::mutex low_numbers;
std::mutex shared_numbers;

namespace {

// Numbers from here on are the library's, if there are such.
constexpr int kLowestOfLibrary = 1024;

std::atomic<bool> of_child;
std::atomic<int> keeper = -1;
std::atomic<int> highest = -1;

// Beyond what the program can have; but some have made both limits small, and then it is among
// them.
int lowest_of_library(const rlimit& limit) {
  constexpr rlim_t kRoom = 256;
  const rlim_t lowest = std::min<rlim_t>(limit.rlim_cur, kLowestOfLibrary);
  if (limit.rlim_max >= lowest + kRoom) return static_cast<int>(lowest);
  return static_cast<int>(limit.rlim_max - std::min(kRoom, limit.rlim_max / 2));
}

// While the limit is raised; `before` is what it was.
int move_up(int fd, const rlimit& before) {
  const int high = libc().fcntl(fd, F_DUPFD_CLOEXEC, lowest_of_library(before));
  if (high < 0) return fd;
  libc().close(fd);
  return high;
}

// The file behind all numbers of the kernel's.
int keeper_fd() {
  if (const int fd = keeper.load(); fd >= 0) return fd;
  int none = -1;
  const int made =
      make_librarys_by([] { return libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); });
  if (made >= 0 && !keeper.compare_exchange_strong(none, made)) {
    free_number(made);
  }
  return keeper.load();
}

}  // namespace

void set_entry(int fd, Entry entry) {
  if (!has_entry(fd)) return;
  int before = highest.load(std::memory_order_relaxed);
  while (before < fd && !highest.compare_exchange_weak(before, fd)) continue;
  numbers[fd].store(entry.bits, std::memory_order_release);
}

int highest_entry() {
  return highest;
}

Entry take_entry(int fd) {
  return has_entry(fd) ? Entry{numbers[fd].exchange(0, std::memory_order_acq_rel)} : Entry{};
}

bool replace_entry(int fd, Entry before, Entry entry) {
  return numbers[fd].compare_exchange_strong(before.bits, entry.bits);
}

int kernel_fd_slowly(int fd, Entry entry) {
  switch (entry.owner()) {
    case Owner::kHost:
    case Owner::kServed:
      return kOfHost;
    case Owner::kLibrary:
      return kNotThere;
    case Owner::kEpoll:
      return is_child() || entry.epoll()->kernel_fd() < 0 ? kOfHost : entry.epoll()->kernel_fd();
    case Owner::kKernel:
      break;
  }
  if (!is_child()) return entry.kernel_fd();
  if (is_served_child() && claim(fd)) return kOfHost;
  refuse_in_child();
  return kNotThere;
}

int take_number(bool close_on_exec) {
  const int of = keeper_fd();
  if (of < 0) return -EMFILE;
  const Inside inside;
  const std::lock_guard lock(low_numbers);
  const int number = libc().fcntl(of, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
  if (number < kMostNumbers) return number < 0 ? -errno : number;
  libc().close(number);
  return -EMFILE;
}

void free_number(int number) {
  take_entry(number);
  libc().close(number);
}

// Nested ones see the same limit as the first, or that it is raised already: nobody counts on less.
LimitRaised::LimitRaised() : before_{} {
  ::getrlimit(RLIMIT_NOFILE, &before_);
  rlimit raised = before_;
  raised.rlim_cur = raised.rlim_max;
  if (raised.rlim_cur != before_.rlim_cur) ::setrlimit(RLIMIT_NOFILE, &raised);
}

LimitRaised::~LimitRaised() {
  if (before_.rlim_cur != before_.rlim_max) ::setrlimit(RLIMIT_NOFILE, &before_);
}

int make_librarys(int fd) {
  if (fd < 0) return fd;
  const Inside inside;
  if (!is_child() && fd < kLowestOfLibrary) {
    const LimitRaised raised;
    fd = move_up(fd, raised.before());
  }
  set_entry(fd, Entry::of_library());
  return fd;
}

int make_librarys_pipe(int (&ends)[2]) {
  const Inside inside;
  const std::lock_guard lock(low_numbers);
  const LimitRaised raised;
  const int error = libc().pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
  for (int& end : ends) {
    if (error != 0) break;
    end = move_up(end, raised.before());
    set_entry(end, Entry::of_library());
  }
  return error;
}

NumbersKept::NumbersKept() {
  const int end = lowest_of_library(raised_.before());
  const int any = libc().open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (int number = any; number >= 0 && number < end && count_ < kLowestOfLibrary;
       number = libc().fcntl(any, F_DUPFD_CLOEXEC, 0))
    kept_[count_++] = number;
}

NumbersKept::~NumbersKept() {
  for (int i = 0; i < count_; i++) libc().close(kept_[i]);
}

void leave_kernel_to_parent() {
  of_child = true;
}

bool is_child() {
  return of_child.load(std::memory_order_relaxed);
}

void refuse_in_child() {
  static std::atomic<bool> said;
  if (!said.exchange(true))
    say("a process that a program has made by fork() uses its sockets, or makes some; that is "
        "for --tier server, and gets errors here");
}

}  // namespace lkl::preload
