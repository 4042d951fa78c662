// SPDX-License-Identifier: GPL-2.0
//
// Descriptors: closed, copied, asked about.
#include <linux/sockios.h>
#include <lkl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdarg>
#include <mutex>

#include "preload/asked.h"
#include "preload/descriptors.h"
#include "preload/epoll_set.h"
#include "preload/family.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "preload/serving.h"
#include "run/filter.h"
#include "run/served_files.h"

namespace lkl::preload {

namespace {

// What stood behind a number that is free now, or somebody else's.
void let_go(Entry entry) {
  if (entry.owner() == Owner::kEpoll) {
    entry.epoll()->release();
  } else if (entry.owner() == Owner::kKernel && is_child()) {
    give_back(entry.kernel_fd());
  } else if (entry.owner() == Owner::kKernel) {
    in_kernel([&] { return lkl_sys_close(static_cast<unsigned>(entry.kernel_fd())); });
  }
}

// What is done by number while nobody makes that one of the host's.
class NoneShared {
 public:
  NoneShared() {
    if (serves_children()) lock_ = std::unique_lock(shared_numbers);
  }

 private:
  const Inside inside_;
  std::unique_lock<std::mutex> lock_;
};

// Another number for the same, which the host has given already.
long copy_entry(Entry entry, int number) {
  if (entry.owner() == Owner::kEpoll) {
    entry.epoll()->hold();
    set_entry(number, entry);
  } else if (entry.owner() == Owner::kServed) {
    set_entry(number, entry);
  } else if (entry.owner() == Owner::kKernel) {
    const long kernel = is_child() ? entry.kernel_fd() : in_kernel([&] {
      return lkl_sys_dup(static_cast<unsigned>(entry.kernel_fd()));
    });
    if (kernel < 0) {
      libc().close(number);
      return kernel;
    }
    set_entry(number, Entry::of_kernel(static_cast<int>(kernel)));
  }
  return number;
}

long ask_network(unsigned request, unsigned long argument) {
  return in_kernel([&]() -> lkl_long {
    const auto fd = static_cast<int>(lkl_sys_socket(AF_INET, LKL_SOCK_DGRAM | LKL_SOCK_CLOEXEC, 0));
    if (fd < 0) return fd;
    const lkl_long result = lkl_sys_ioctl(static_cast<unsigned>(fd), request, argument);
    lkl_sys_close(static_cast<unsigned>(fd));
    return result;
  });
}

void convert(const lkl_stat& from, struct stat& to) {
  to = {};
  to.st_dev = from.st_dev;
  to.st_ino = from.st_ino;
  to.st_mode = from.st_mode;
  to.st_nlink = from.st_nlink;
  to.st_uid = from.st_uid;
  to.st_gid = from.st_gid;
  to.st_rdev = from.st_rdev;
  to.st_size = from.st_size;
  to.st_blksize = from.st_blksize;
  to.st_blocks = from.st_blocks;
  to.st_atim = {.tv_sec = from.lkl_st_atime, .tv_nsec = static_cast<long>(from.st_atime_nsec)};
  to.st_mtim = {.tv_sec = from.lkl_st_mtime, .tv_nsec = static_cast<long>(from.st_mtime_nsec)};
  to.st_ctim = {.tv_sec = from.lkl_st_ctime, .tv_nsec = static_cast<long>(from.st_ctime_nsec)};
}

}  // namespace

long close_number(int fd) {
  if (this_thread.inside != 0) {
    take_entry(fd);
    return raw(libc().close(fd));
  }
  if (entry_of(fd).owner() == Owner::kHost) return raw(libc().close(fd));
  if (entry_of(fd).owner() == Owner::kLibrary) return -EBADF;
  Entry entry;
  long result;
  {
    const NoneShared scope;
    // The entry goes first: with the host's close() the number may be somebody else's.
    entry = take_entry(fd);
    result = raw(libc().close(fd));
  }
  let_go(entry);
  return result;
}

namespace {

// The C library reads and writes by itself there: so it is to be one of the host's.
bool is_of_stdio(int number) {
  return number >= STDIN_FILENO && number <= STDERR_FILENO;
}
void prepare_for_stdio(int fd) {
  if (entry_of(fd).owner() != Owner::kKernel) return;
  if (is_served_child())
    claim(fd);
  else if (!is_child())
    share_number(fd);
}

}  // namespace

long copy_number(int fd, int number, int flags) {
  if (this_thread.inside != 0) return raw(libc().dup3(fd, number, flags));
  if (entry_of(fd).owner() == Owner::kLibrary) return -EBADF;
  // as for a number that is just being made
  if (entry_of(number).owner() == Owner::kLibrary) return -EBUSY;
  if (fd == number) return raw(libc().dup3(fd, number, flags));
  if (is_of_stdio(number)) prepare_for_stdio(fd);
  Entry before;
  long result;
  {
    const NoneShared scope;
    result = raw(libc().dup3(fd, number, flags));
    if (result < 0) return result;
    before = take_entry(number);
    result = copy_entry(entry_of(fd), number);
  }
  let_go(before);
  return result;
}

long control_number(int fd, int command, unsigned long argument) {
  const bool copies = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
  const auto at_host = [=] { return libc().fcntl(fd, command, argument); };
  if (this_thread.inside != 0) return raw(copies ? make_librarys_by(at_host) : at_host());
  const Entry entry = entry_of(fd);
  if (entry.owner() == Owner::kHost) return raw(libc().fcntl(fd, command, argument));
  if (entry.owner() == Owner::kLibrary) return -EBADF;
  if (copies) {
    const NoneShared scope;
    const long number = raw(libc().fcntl(fd, command, argument));
    return number < 0 ? number : copy_entry(entry_of(fd), static_cast<int>(number));
  }
  if (entry.owner() == Owner::kEpoll || command == F_GETFD || command == F_SETFD)
    return raw(libc().fcntl(fd, command, argument));
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) return raw(libc().fcntl(fd, command, argument));
  // signals of the kernel's are nobody's
  if (command == F_SETFL && (argument & O_ASYNC) != 0) return -EOPNOTSUPP;
  return in_kernel([&] {
    return lkl_sys_fcntl(static_cast<unsigned>(kernel), static_cast<unsigned>(command), argument);
  });
}

namespace {

bool is_asked_about(unsigned long request) {
  return std::ranges::any_of(tool::served::kAskedRequests,
                             [=](const auto& one) { return one.has(request); });
}

}  // namespace

long request_of(int fd, unsigned long request, unsigned long argument) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost) {
    if (is_child()) return raw(libc().ioctl(fd, request, argument));
    if (is_served(fd) && is_asked_about(request))
      return asked_or([&] { return libc().ioctl(fd, request, argument); }, SYS_ioctl, fd, request,
                      argument);
    if (this_thread.inside == 0 && tool::served::asks_network(fd, static_cast<unsigned>(request)))
      return ask_network(static_cast<unsigned>(request), argument);
    return raw(libc().ioctl(fd, request, argument));
  }
  // of the number, not of the file
  if (request == FIOCLEX || request == FIONCLEX) return raw(libc().ioctl(fd, request, argument));
  return in_kernel([&] {
    return lkl_sys_ioctl(static_cast<unsigned>(kernel), static_cast<unsigned>(request), argument);
  });
}

long status_of(int fd, struct stat* status) {
  const int kernel = kernel_fd(fd);
  if (kernel == kOfHost || entry_of(fd).owner() == Owner::kEpoll)
    return raw(libc().fstat(fd, status));
  lkl_stat found = {};
  const long error =
      in_kernel([&] { return lkl_sys_newfstat(static_cast<unsigned>(kernel), &found); });
  if (error == 0) convert(found, *status);
  return error;
}

long close_range_of(unsigned first, unsigned last, int flags) {
  if (first > last) return -EINVAL;
  if (this_thread.inside != 0) return raw(libc().close_range(first, last, flags));
  const NoneShared scope;
  // Whole stretches that are the host's at once; the library's own stay.
  unsigned begin = first;
  const auto after = static_cast<unsigned>(highest_entry() + 1);
  const bool only_flag = (flags & CLOSE_RANGE_CLOEXEC) != 0;
  for (unsigned fd = first; fd < after && fd <= last; fd++) {
    const Entry entry = entry_of(static_cast<int>(fd));
    if (entry.owner() == Owner::kHost) continue;
    if (entry.owner() != Owner::kLibrary) {
      if (!only_flag) let_go(take_entry(static_cast<int>(fd)));
      continue;
    }
    if (begin < fd && libc().close_range(begin, fd - 1, flags) != 0) return -errno;
    begin = fd + 1;
  }
  return begin > last || begin < first ? 0 : raw(libc().close_range(begin, last, flags));
}

namespace {

template <class Make>
int two_of(Make make, int ends[2]) {
  if (this_thread.inside == 0) return make();
  int second = -1;
  const int first = make_librarys_by([&] {
    if (make() != 0) return -1;
    second = make_librarys(ends[1]);
    return ends[0];
  });
  if (first < 0) return -1;
  ends[0] = first;
  ends[1] = second;
  return 0;
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

extern "C" {

int close(int fd) {
  return static_cast<int>(answer(close_number(fd)));
}

int close_range(unsigned first, unsigned last, int flags) __THROW {
  return static_cast<int>(answer(close_range_of(first, last, flags)));
}

void closefrom(int first) __THROW {
  close_range_of(static_cast<unsigned>(std::max(first, 0)), ~0U, 0);
}

// Those that the library makes are its own.
int eventfd(unsigned count, int flags) __THROW {
  const auto made = [=] { return libc().eventfd(count, flags); };
  return this_thread.inside != 0 ? make_librarys_by(made) : made();
}

int memfd_create(const char* name, unsigned flags) __THROW {
  const auto made = [=] { return libc().memfd_create(name, flags); };
  return this_thread.inside != 0 ? make_librarys_by(made) : made();
}

int pipe2(int ends[2], int flags) __THROW {
  return two_of([=] { return libc().pipe2(ends, flags); }, ends);
}

int socketpair(int family, int type, int protocol, int ends[2]) __THROW {
  return two_of([=] { return libc().socketpair(family, type, protocol, ends); }, ends);
}

int dup(int fd) __THROW {
  if (this_thread.inside != 0) return make_librarys_by([&] { return libc().dup(fd); });
  return static_cast<int>(answer(control_number(fd, F_DUPFD, 0)));
}

int dup2(int fd, int number) __THROW {
  if (fd == number && entry_of(fd).owner() != Owner::kLibrary) return libc().dup2(fd, number);
  return static_cast<int>(answer(copy_number(fd, number, 0)));
}

int dup3(int fd, int number, int flags) __THROW {
  return static_cast<int>(answer(copy_number(fd, number, flags)));
}

int fcntl(int fd, int command, ...) {
  va_list words;
  va_start(words, command);
  const auto argument = va_arg(words, unsigned long);
  va_end(words);
  return static_cast<int>(answer(control_number(fd, command, argument)));
}

int fcntl64(int fd, int command, ...) {
  va_list words;
  va_start(words, command);
  const auto argument = va_arg(words, unsigned long);
  va_end(words);
  return static_cast<int>(answer(control_number(fd, command, argument)));
}

int ioctl(int fd, unsigned long request, ...) __THROW {
  va_list words;
  va_start(words, request);
  const auto argument = va_arg(words, unsigned long);
  va_end(words);
  return static_cast<int>(answer(request_of(fd, request, argument)));
}

int fstat(int fd, struct stat* status) __THROW {
  return static_cast<int>(answer(status_of(fd, status)));
}

int fstat64(int fd, struct stat64* status) __THROW {
  static_assert(sizeof(struct stat) == sizeof(struct stat64));
  return fstat(fd, reinterpret_cast<struct stat*>(status));
}

// Of programs that were built with an older C library.
int __fxstat(int, int fd, struct stat* status) __THROW {
  return fstat(fd, status);
}
int __fxstat64(int, int fd, struct stat64* status) __THROW {
  return fstat64(fd, status);
}

int sockatmark(int fd) __THROW {
  int at_mark = 0;
  return ioctl(fd, SIOCATMARK, &at_mark) < 0 ? -1 : at_mark;
}
}
