// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "descriptor.h"
#include "host.h"
#include "posix/whole.h"

namespace lkl::host {
namespace {

int read_all(int fd, std::string& content) {
  char chunk[16384];
  for (;;) {
    const ssize_t count = pread(fd, chunk, sizeof chunk, static_cast<off_t>(content.size()));
    if (count == 0) return 0;
    if (count > 0)
      content.append(chunk, static_cast<size_t>(count));
    else if (errno != EINTR)
      return -errno;
  }
}

int write_all(int fd, const std::string& content) {
  const auto bytes = std::as_bytes(std::span(content));
  if (const int error = write_whole(fd, bytes.data(), bytes.size(), 0)) return error;
  return ftruncate(fd, static_cast<off_t>(content.size())) == 0 ? 0 : -errno;
}

}  // namespace

int check_watchable(int fd) {
  pollfd state = {.fd = fd, .events = 0, .revents = 0};
  if (fd < 0 || poll(&state, 1, 0) < 0 || (state.revents & POLLNVAL) != 0) return -EBADF;
  return 0;
}

int update_file(const char* path, void (*change)(std::string& content, const void* argument),
                const void* argument) {
  const Descriptor file(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return -errno;
  while (flock(file.get(), LOCK_EX) != 0)
    if (errno != EINTR) return -errno;
  std::string content;
  if (const int error = read_all(file.get(), content)) return error;
  change(content, argument);
  return write_all(file.get(), content);
}

const char* environment(const char* name) {
  const char* value = secure_getenv(name);
  return value && *value ? value : nullptr;
}

void environment_names(std::string_view prefix,
                       void (*take)(const char* name, size_t length, void* argument),
                       void* argument) {
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::strcspn(*entry, "="));
    if (name.starts_with(prefix)) take(name.data(), name.size(), argument);
  }
}

}  // namespace lkl::host
