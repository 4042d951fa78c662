// SPDX-License-Identifier: GPL-2.0
#include "net/capture_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "net/vector.h"
#include "posix/raw_call.h"

namespace lkl::host {

int CaptureFile::open(const std::string& path) {
  // not to wait for who reads a pipe
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) < 0) return -errno;
  if (!S_ISREG(status.st_mode)) return -EINVAL;
  if (::ftruncate(file.get(), 0) < 0) return -errno;
  file_ = std::move(file);
  return 0;
}

int CaptureFile::append(std::span<const IoVec> record) {
  const size_t size = size_of(record);
  const int64_t count = write_now(file_.get(), record, size_, true);
  if (count == static_cast<int64_t>(size)) {
    size_ += size;
    return 0;
  }
  // a part of it would be taken for a damaged file
  raw_call(SYS_ftruncate, file_.get(), size_);
  return count < 0 ? static_cast<int>(count) : -ENOSPC;
}

}  // namespace lkl::host
