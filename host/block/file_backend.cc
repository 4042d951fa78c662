// SPDX-License-Identifier: GPL-2.0
#include "block/file_backend.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "block/image_lock.h"

namespace lkl {
namespace {

// A write up to this size goes into the host's page cache at once: to hand it to
// another thread and back costs more than the copy. A larger one is copied by the
// host's threads while the kernel goes on. (Throttling of dirty pages can make the
// small one block too; then there is no hurry.)
constexpr uint64_t kInlineWrite = 64 << 10;

}  // namespace

int FileBackend::open(int fd, const Options& options, EventLoop& loop,
                      std::unique_ptr<FileBackend>& result) {
  const int flags = fcntl(fd, F_GETFL);
  struct stat info;
  if (flags < 0 || fstat(fd, &info) < 0) return -errno;

  std::unique_ptr<FileBackend> file(new FileBackend(fd, loop));
  file->read_only_ = options.read_only || (flags & O_ACCMODE) == O_RDONLY;
  if (S_ISBLK(info.st_mode)) {
    file->is_device_ = true;
    if (ioctl(fd, BLKGETSIZE64, &file->size_) < 0) return -errno;
  } else if (S_ISREG(info.st_mode)) {
    file->size_ = info.st_size;
    struct statfs where;
    file->in_memory_ = fstatfs(fd, &where) == 0 && where.f_type == TMPFS_MAGIC;
  } else {
    return -EINVAL;
  }
  if ((flags & O_ACCMODE) == O_WRONLY) return -EBADF;
  if (options.lock) {
    if (const int error = lock_image(fd, !file->read_only_)) return error;
    file->locked_ = true;
  }
  result = std::move(file);
  return 0;
}

FileBackend::~FileBackend() {
  if (locked_) unlock_image(fd_);
}

void FileBackend::submit(BlockRequest& request) {
  own(request, *this);
  switch (request.op) {
    case BlockOp::kRead:
      return read(request);
    case BlockOp::kWrite:
      return read_only_ ? request.completed(-EROFS) : write(request);
    case BlockOp::kFlush:
      return read_only_ ? request.completed(0) : loop_.sync(fd_, request);
    case BlockOp::kDiscard:
    case BlockOp::kWriteZeroes:
      return read_only_ ? request.completed(-EROFS) : loop_.run_blocking(request, request);
  }
}

// What the host has in its cache is copied here and now; the rest is waited for
// without holding the virtual CPU.
void FileBackend::read(BlockRequest& request) {
  while (no_wait_works_.load(std::memory_order_relaxed)) {
    const ssize_t count =
        preadv2(fd_, request.vector.data(), std::min<size_t>(request.vector.size(), IOV_MAX),
                request.offset, in_memory_ ? 0 : RWF_NOWAIT);
    if (count < 0) {
      if (errno == EOPNOTSUPP || errno == ENOSYS) no_wait_works_.store(false);
      break;
    }
    if (count == 0) break;  // the end of the file, or nothing cached: ask properly
    request.advance(count);
    if (request.length == 0) return request.completed(0);
  }
  go_on(request);
}

void FileBackend::write(BlockRequest& request) {
  if (request.length <= kInlineWrite) {
    const ssize_t count =
        pwritev(fd_, request.vector.data(), request.vector.size(), request.offset);
    if (count > 0) request.advance(count);
    if (request.length == 0) return request.completed(0);
    if (count < 0 && errno != EINTR) return request.completed(-errno);
  }
  go_on(request);
}

void FileBackend::go_on(BlockRequest& request) {
  const auto part = request.vector.first(std::min<size_t>(request.vector.size(), IOV_MAX));
  if (request.op == BlockOp::kRead)
    loop_.read(fd_, part, request.offset, request);
  else
    loop_.write(fd_, part, request.offset, request);
}

void FileBackend::resume(BlockRequest& request, int64_t result) {
  if (request.op != BlockOp::kRead && request.op != BlockOp::kWrite)
    return request.completed(static_cast<int>(std::min<int64_t>(result, 0)));
  if (result == -EINTR || result == -EAGAIN) return go_on(request);
  if (result < 0) return request.completed(static_cast<int>(result));
  // Nothing read before the end of the disk: the file was truncated under us.
  if (result == 0) return request.completed(-EIO);
  request.advance(result);
  if (request.length == 0) return request.completed(0);
  go_on(request);
}

int FileBackend::discard(uint64_t offset, uint64_t length) const {
  if (is_device_) {
    uint64_t range[2] = {offset, length};
    return ioctl(fd_, BLKDISCARD, range) < 0 ? -errno : 0;
  }
  return fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length) < 0 ? -errno
                                                                                        : 0;
}

int FileBackend::write_zeroes(uint64_t offset, uint64_t length, bool unmap) const {
  if (is_device_) {
    uint64_t range[2] = {offset, length};
    return ioctl(fd_, BLKZEROOUT, range) < 0 ? -errno : 0;
  }
  if (unmap && discard(offset, length) == 0) return 0;  // a hole reads as zeroes
  if (fallocate(fd_, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length) == 0) return 0;
  if (errno != EOPNOTSUPP) return -errno;
  // tmpfs and others: a hole, or plain zeroes
  if (discard(offset, length) == 0) return 0;
  static constexpr char kZeroes[64 << 10] = {};
  while (length > 0) {
    const ssize_t count = pwrite(fd_, kZeroes, std::min<uint64_t>(length, sizeof kZeroes), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 ? -errno : -EIO;
    offset += count;
    length -= count;
  }
  return 0;
}

int64_t FileBackend::run_blocking(BlockRequest& request) {
  if (request.op == BlockOp::kDiscard) {
    const int error = discard(request.offset, request.length);
    return error == -EOPNOTSUPP ? 0 : error;  // a discard is a hint
  }
  return write_zeroes(request.offset, request.length, request.unmap);
}

}  // namespace lkl
