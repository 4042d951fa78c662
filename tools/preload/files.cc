// SPDX-License-Identifier: GPL-2.0
#include "preload/files.h"

#include <lkl.h>

#include <cstdarg>
#include <cstring>
#include <string>

#include "preload/family.h"
#include "preload/kernel.h"
#include "preload/libc.h"
#include "preload/numbers.h"
#include "run/open_pass.h"
#include "run/served_files.h"

namespace lkl::preload {

namespace {

// Where the kernel's is mounted.
constexpr const char* kSysfs = "/sysfs";

// Most are none of them. No memory is asked for before that is known: it may be the program's
// allocator that opens a file.
bool may_be_served(const char* path) {
  return path != nullptr && tool::served::may_be_served(path, [](const char*) { return true; });
}

// The kernel's own. `open` opens it without waiting.
template <class Open>
long open_kernels(int flags, Open open) {
  const int number = take_number((flags & O_CLOEXEC) != 0);
  if (number < 0) return number;
  const long kernel = in_kernel([&]() -> long {
    const int fd = open();
    if (fd >= 0 && (flags & O_NONBLOCK) == 0)
      lkl_sys_fcntl(static_cast<unsigned>(fd), LKL_F_SETFL,
                    static_cast<lkl_ulong>(flags & O_APPEND));
    return fd;
  });
  if (kernel < 0) {
    free_number(number);
    return kernel;
  }
  set_entry(number, Entry::of_kernel(static_cast<int>(kernel)));
  return number;
}

// A file of the host's with what the kernel's has: to be mapped, moved in, read by stdio.
long open_copy(const std::string& path, int flags) {
  int error = 0;
  int copy = -1;
  in_kernel([&] {
    const int fd = tool::served::open_served(path, flags);
    error = fd;
    if (fd >= 0) copy = tool::served::copy_served(path, fd, error).release();
    return 0L;
  });
  if (error < 0) return error;
  // with a number as a program gets it
  const int number = libc().fcntl(copy, (flags & O_CLOEXEC) != 0 ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
  const int why = errno;
  free_number(copy);
  return number < 0 ? -why : number;
}

long open_tunnel(int flags) {
  return open_kernels(flags, [] {
    tool::served::make_tunnel_device();
    return tool::served::open_tunnel_device();
  });
}

long open_file(const std::string& path, int flags) {
  if (!tool::served::is_written(flags)) return open_copy(path, flags);
  return open_kernels(flags, [&] { return tool::served::open_served(path, flags); });
}

}  // namespace

std::optional<long> open_path(int, const char* path, int flags) {
  if (this_thread.inside != 0 || !may_be_served(path)) return std::nullopt;
  const bool is_tunnel = tool::served::is_tunnel_device(path);
  const auto served = tool::served::served_path(path, kSysfs);
  if (!is_tunnel && !served) return std::nullopt;
  if (is_served_child()) return std::nullopt;
  if (is_child()) {
    refuse_in_child();
    return -ENETDOWN;
  }
  want_kernel();
  return is_tunnel ? open_tunnel(flags) : open_file(*served, flags);
}

namespace {

// Not for long, as others wait for their numbers: nobody knows how long a pipe takes.
int open_for_library(int folder, const char* path, int flags, mode_t mode) {
  const auto opened = [&] { return libc().openat(folder, path, flags, mode); };
  struct stat status = {};
  const bool is_pipe = libc().fstatat(folder, path, &status, 0) == 0 && S_ISFIFO(status.st_mode);
  return is_pipe ? make_librarys(opened()) : make_librarys_by(opened);
}

// What is none of the kernel's, for sure: of a child nobody is asked then. The thread may be
// cancelled as in the C library's function: by the signal, wherever it is, for which a function
// with something to take down has no table.
[[gnu::noinline]] int open_hosts(int folder, const char* path, int flags, mode_t mode) {
  int before = PTHREAD_CANCEL_DEFERRED;
  ::pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
  const long result =
      tool::served::open_asking_nobody(folder, path, flags, mode, tool::served::pass_of(path));
  ::pthread_setcanceltype(before, nullptr);
  return static_cast<int>(answer(result));
}

int open_any(int folder, const char* path, int flags, mode_t mode) {
  if (this_thread.inside != 0) return open_for_library(folder, path, flags, mode);
  if (!may_be_served(path)) return open_hosts(folder, path, flags, mode);
  if (const auto served = open_path(folder, path, flags)) return static_cast<int>(answer(*served));
  return libc().openat(folder, path, flags, mode);
}

int flags_of(const char* mode) {
  const bool has_plus = std::strchr(mode, '+') != nullptr;
  int flags = has_plus ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
  if (*mode == 'w') flags |= O_CREAT | O_TRUNC;
  if (*mode == 'a') flags |= O_CREAT | O_APPEND;
  return std::strchr(mode, 'e') != nullptr ? flags | O_CLOEXEC : flags;
}

FILE* open_stream(const char* path, const char* mode) {
  if (this_thread.inside != 0) {
    const int fd = open_for_library(AT_FDCWD, path, flags_of(mode), 0666);
    return fd < 0 ? nullptr : libc().fdopen(fd, mode);
  }
  if (may_be_served(path)) {
    if (const auto served = open_path(AT_FDCWD, path, flags_of(mode))) {
      if (*served < 0) {
        errno = static_cast<int>(-*served);
        return nullptr;
      }
      return ::fdopen(static_cast<int>(*served), mode);
    }
  }
  return libc().fopen(path, mode);
}

}  // namespace

}  // namespace lkl::preload

using namespace lkl::preload;

#define LKL_OPEN(name, parameters, folder)                                              \
  int name parameters {                                                                 \
    va_list words;                                                                      \
    va_start(words, flags);                                                             \
    const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(words, mode_t) : 0; \
    va_end(words);                                                                      \
    return open_any(folder, path, flags, mode);                                         \
  }

extern "C" {

LKL_OPEN(open, (const char* path, int flags, ...), AT_FDCWD)
LKL_OPEN(open64, (const char* path, int flags, ...), AT_FDCWD)
LKL_OPEN(openat, (int folder, const char* path, int flags, ...), folder)
LKL_OPEN(openat64, (int folder, const char* path, int flags, ...), folder)

int creat(const char* path, mode_t mode) {
  return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) {
  return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int __open_2(const char* path, int flags) {
  return open_any(AT_FDCWD, path, flags, 0);
}
int __open64_2(const char* path, int flags) {
  return open_any(AT_FDCWD, path, flags, 0);
}
int __openat_2(int folder, const char* path, int flags) {
  return open_any(folder, path, flags, 0);
}
int __openat64_2(int folder, const char* path, int flags) {
  return open_any(folder, path, flags, 0);
}

FILE* fopen(const char* path, const char* mode) {
  return open_stream(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return open_stream(path, mode);
}
}
