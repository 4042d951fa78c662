// SPDX-License-Identifier: GPL-2.0
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "host.h"
#include "io/operation.h"

namespace lkl::host {
namespace {

int64_t once(const IoOperation& operation) {
  const auto count = static_cast<int>(std::min<size_t>(operation.vector.size(), IOV_MAX));
  const auto offset = static_cast<off_t>(operation.offset);
  switch (operation.kind) {
    case IoOperation::Kind::kRead:
      return preadv(operation.fd, operation.vector.data(), count, offset);
    case IoOperation::Kind::kWrite:
      return pwritev(operation.fd, operation.vector.data(), count, offset);
    case IoOperation::Kind::kSync:
      return fdatasync(operation.fd);
    case IoOperation::Kind::kTask:
      break;
  }
  return 0;
}

}  // namespace

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
