// SPDX-License-Identifier: GPL-2.0
#include "descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace lkl::host {
namespace {

int flags_of(Access access) {
  switch (access) {
    case Access::kRead:
      return O_RDONLY;
    case Access::kReadWrite:
      return O_RDWR;
    case Access::kAppend:
      return O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
  }
  return O_RDONLY;
}

}  // namespace

void Descriptor::reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

int open_file(const std::string& path, Access access, Descriptor& file) {
  file = Descriptor(open(path.c_str(), flags_of(access) | O_CLOEXEC, 0666));
  return file ? 0 : -errno;
}

}  // namespace lkl::host
