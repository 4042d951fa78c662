// SPDX-License-Identifier: GPL-2.0
//
// Whose the numbers of descriptors are. Each of the kernel's has one of the host's as well, which a
// file of the host's keeps for it: a socket that is connected to nothing. So numbers are given,
// copied and inherited as anywhere, and who gets at one without us gets an error, no data.
#ifndef LKL_TOOL_PRELOAD_NUMBERS_H
#define LKL_TOOL_PRELOAD_NUMBERS_H

#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <mutex>

#include "preload/inside.h"

namespace lkl::preload {

class EpollSet;

inline constexpr int kMostNumbers = 1 << 20;
// What a number is instead of one of the kernel's. The kernel knows no such descriptor, either.
inline constexpr int kOfHost = -1, kNotThere = -2;

// An entry: nothing for the host's, or one of these in the lowest bits. kServed: the host's, but
// who serves our children knows more of it.
enum class Owner : std::uint64_t { kHost, kLibrary, kKernel, kEpoll, kServed };
extern std::atomic<std::uint64_t> numbers[kMostNumbers];
// Who has it may have a low number for a moment. Only inside: a signal's handler may want it, too.
extern std::mutex low_numbers;
// Held while numbers become kServed, or are closed when that may be.
extern std::mutex shared_numbers;

struct Entry {
  std::uint64_t bits = 0;

  Owner owner() const { return static_cast<Owner>(bits & 7); }
  int kernel_fd() const { return static_cast<int>(bits >> 3); }
  EpollSet* epoll() const { return reinterpret_cast<EpollSet*>(bits & ~std::uint64_t{7}); }
  static Entry of_kernel(int fd) {
    return {static_cast<std::uint64_t>(fd) << 3 | static_cast<std::uint64_t>(Owner::kKernel)};
  }
  static Entry of_epoll(EpollSet* set) {
    return {reinterpret_cast<std::uint64_t>(set) | static_cast<std::uint64_t>(Owner::kEpoll)};
  }
  static Entry of_served() { return {static_cast<std::uint64_t>(Owner::kServed)}; }
  static Entry of_library() { return {static_cast<std::uint64_t>(Owner::kLibrary)}; }
};

inline bool has_entry(int fd) {
  return static_cast<unsigned>(fd) < kMostNumbers;
}
inline Entry entry_of(int fd) {
  return has_entry(fd) ? Entry{numbers[fd].load(std::memory_order_relaxed)} : Entry{};
}
void set_entry(int fd, Entry entry);
// No number above has ever had one.
int highest_entry();
// False if it has changed meanwhile.
bool replace_entry(int fd, Entry before, Entry entry);
// The entry is nobody's any more.
Entry take_entry(int fd);

// The kernel's descriptor behind this number, kOfHost, or kNotThere for the library's own.
int kernel_fd_slowly(int fd, Entry entry);
inline int kernel_fd(int fd) {
  if (this_thread.inside != 0 || !has_entry(fd)) return kOfHost;
  const Entry entry{numbers[fd].load(std::memory_order_relaxed)};
  if (entry.bits == 0) [[likely]]
    return kOfHost;
  return kernel_fd_slowly(fd, entry);
}

// A number for something of the kernel's: the lowest. Negative errors.
int take_number(bool close_on_exec);
void free_number(int number);

// A descriptor of the library's gets a number that is out of the program's way, and is none for the
// program. Gives -1 back.
int make_librarys(int fd);
// Numbers above the program's limit are the library's, too.
class LimitRaised {
 public:
  LimitRaised();
  ~LimitRaised();
  LimitRaised(const LimitRaised&) = delete;
  LimitRaised& operator=(const LimitRaised&) = delete;

  const rlimit& before() const { return before_; }

 private:
  rlimit before_;
};
// The same of what this makes. No number is taken for the program meanwhile: it would not be the
// lowest.
template <class Make>
int make_librarys_by(Make make) {
  int fd, error;
  {
    const Inside inside;
    const std::lock_guard lock(low_numbers);
    const LimitRaised raised;
    fd = make_librarys(make());
    error = errno;
  }
  if (fd < 0) errno = error;
  return fd;
}
// A pipe of the library's, also for a program that has all the descriptors it may have. 0, or an
// error.
int make_librarys_pipe(int (&ends)[2]);
// While the kernel starts, numbers below are taken, so that the library gets others.
class NumbersKept {
 public:
  NumbersKept();
  ~NumbersKept();
  NumbersKept(const NumbersKept&) = delete;
  NumbersKept& operator=(const NumbersKept&) = delete;

 private:
  const LimitRaised raised_;
  int count_ = 0;
  int kept_[1024];
};

// In the child of a fork.
void leave_kernel_to_parent();
bool is_child();
// Once: what a child wanted that nobody serves.
void refuse_in_child();

}  // namespace lkl::preload

#endif  // LKL_TOOL_PRELOAD_NUMBERS_H
