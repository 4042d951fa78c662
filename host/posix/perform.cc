// SPDX-License-Identifier: GPL-2.0
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "host.h"
#include "io/operation.h"
#include "posix/iovec.h"

namespace lkl::host {
namespace {

int64_t once(const IoOperation& operation) {
  const auto count = static_cast<int>(std::min<size_t>(operation.vector.size(), IOV_MAX));
  const auto offset = static_cast<off_t>(operation.offset);
  switch (operation.kind) {
    case IoOperation::Kind::kRead:
      return preadv(operation.fd, to_iovec(operation.vector), count, offset);
    case IoOperation::Kind::kWrite:
      return pwritev(operation.fd, to_iovec(operation.vector), count, offset);
    case IoOperation::Kind::kSync:
      return fdatasync(operation.fd);
    case IoOperation::Kind::kTask:
      break;
  }
  return 0;
}

// A raw call: the library's own are cancellation points, which cost as much as a read of what is
// in the cache takes.
int64_t now(long call, int fd, std::span<const IoVec> vector, uint64_t offset, bool wait) {
  static_assert(sizeof(long) == 8);  // the offset is one argument, its upper half of no use
  const int errno_before = errno;
  const long count = ::syscall(call, fd, to_iovec(vector), std::min<size_t>(vector.size(), IOV_MAX),
                               offset, 0L, wait ? 0 : RWF_NOWAIT);
  const int64_t result = count < 0 ? -errno : count;
  errno = errno_before;
  return result;
}

}  // namespace

int64_t read_now(int fd, std::span<const IoVec> to, uint64_t offset, bool wait) {
  return now(SYS_preadv2, fd, to, offset, wait);
}

int64_t write_now(int fd, std::span<const IoVec> from, uint64_t offset, bool wait) {
  return now(SYS_pwritev2, fd, from, offset, wait);
}

int64_t perform(const IoOperation& operation) {
  if (operation.kind == IoOperation::Kind::kTask) return operation.task->run();
  const Unnoticed scope;  // it may be an application's thread
  int64_t result;
  do {
    result = once(operation);
  } while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : result;
}

}  // namespace lkl::host
