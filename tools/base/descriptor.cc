// SPDX-License-Identifier: GPL-2.0
#include "base/descriptor.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/host_calls.h"

namespace lkl::tool {

Descriptor::Descriptor(int fd, const std::string& what) : fd_(fd) {
  if (fd < 0) throw std::system_error(host_error(errno), what);
}

void Descriptor::reset() noexcept {
  const int error = errno;
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  errno = error;
}

}  // namespace lkl::tool
