// SPDX-License-Identifier: GPL-2.0
#include "posix/file_backend.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "host.h"
#include "posix/aligned_buffer.h"
#include "posix/iovec.h"
#include "posix/whole.h"

namespace lkl::host {
namespace {

// A write up to this size goes into the host's page cache at once, where the host can do that
// without waiting: to hand it to another thread and back costs more than the copy. A larger
// one is copied by the host's threads while the kernel goes on.
constexpr uint64_t kInlineWrite = 64 << 10;

// Of what the event loop may fail with though nothing is wrong with the disk.
constexpr unsigned kMaxRetries = 16;
constexpr unsigned kMaxPauseMs = 64;

// A write from this size on is part of much that comes, and a flush ends it: the host's disk is set
// to work at once, not when the flush asks for it all.
constexpr uint64_t kStreamedWrite = 512 << 10;

constexpr size_t kBuffer = 256 << 10;

// The request was not served, and that says nothing of the disk: the thread it belonged to has
// ended (ECANCELED, EFAULT), the host is short of memory, a signal came.
bool is_passing(int64_t error) {
  return error == -EINTR || error == -EAGAIN || error == -ECANCELED || error == -EFAULT ||
         error == -ENOMEM;
}

bool is_full(int64_t error) {
  return error == -ENOSPC || error == -EDQUOT;
}

// The host can't do it, or not for this range: there is another way, or it was a hint.
bool is_refusal(int error) {
  return error == -EOPNOTSUPP || error == -EINVAL || error == -ENOTTY || error == -EPERM ||
         error == -EACCES || error == -ENOSYS || error == -ENODEV;
}

int result_of(int returned) {
  return returned < 0 ? -errno : 0;
}

std::span<IoVec> first_part(std::span<IoVec> vector) {
  return vector.first(std::min<size_t>(vector.size(), IOV_MAX));
}

void say_on_standard_error(std::string_view line) {
  host::print(line.data(), line.size());
}

}  // namespace

int open_host_disk(int fd, const HostDiskOptions& options, EventLoop& loop,
                   std::unique_ptr<BlockBackend>& result) {
  std::unique_ptr<HostImage> image;
  if (const int error =
          HostImage::open(fd, {.read_only = options.read_only, .lock = options.lock}, image))
    return error;
  result = std::make_unique<FileBackend>(std::move(image), options, loop);
  return 0;
}

FileBackend::FileBackend(std::unique_ptr<HostImage> image, const HostDiskOptions& options,
                         EventLoop& loop)
    : image_(std::move(image)),
      loop_(loop),
      wait_for_space_(options.wait_for_space),
      say_(options.say ? options.say : say_on_standard_error),
      lines_{.truncated = "lkl: " + image_->name() +
                          ": was made shorter while it is in use; what is beyond its end can be "
                          "neither read nor written\n",
             .full = "lkl: " + image_->name() +
                     ": the host's disk is full, or a quota is used up: writes fail. Make room, "
                     "and mount it again\n",
             .waits = "lkl: " + image_->name() +
                      ": the host's disk is full, or a quota is used up: writes wait until there "
                      "is room\n",
             .goes_on = "lkl: " + image_->name() + ": there is room again, writes go on\n"},
      space_(loop,
             [this](BlockRequest& request) {
               if (request.op == BlockOp::kWrite) return go_on(request);
               loop_.run_blocking(request, request);
             }),
      reads_inline_(!image_->is_direct()),
      writes_inline_(!image_->is_direct() && !image_->writes_wait()) {}

void FileBackend::start(BlockRequest& request) {
  if (read_only() && request.op != BlockOp::kRead)
    return request.completed(request.op == BlockOp::kFlush ? 0 : -EROFS);
  switch (request.op) {
    case BlockOp::kRead:
      return read(request);
    case BlockOp::kWrite:
      return write(request);
    case BlockOp::kFlush:
      return loop_.sync(image_->fd(), request);
    case BlockOp::kDiscard:
    case BlockOp::kWriteZeroes:
      return loop_.run_blocking(request, request);
  }
}

// What the host has in its cache is copied here and now; the rest is waited for
// without holding the virtual CPU.
void FileBackend::read(BlockRequest& request) {
  while (reads_inline_.load(std::memory_order_relaxed)) {
    const int64_t count =
        host::read_now(image_->fd(), request.vector, request.offset, image_->in_memory());
    if (count < 0) {
      if (count == -EOPNOTSUPP || count == -ENOSYS) reads_inline_.store(false);
      break;
    }
    if (count == 0) break;  // the end of the file, or nothing cached: ask properly
    request.advance(static_cast<uint64_t>(count));
    if (request.length == 0) return request.completed(0);
  }
  go_on(request);
}

void FileBackend::write(BlockRequest& request) {
  if (request.length <= kInlineWrite && writes_inline_.load(std::memory_order_relaxed) &&
      !image_->ends_before(request.offset + request.length)) {
    const int64_t count =
        host::write_now(image_->fd(), request.vector, request.offset, image_->in_memory());
    if (count == -EOPNOTSUPP || count == -ENOSYS) writes_inline_.store(false);
    if (count > 0) request.advance(static_cast<uint64_t>(count));
    if (request.length == 0) return request.completed(0);
  }
  go_on(request);  // and hear what is wrong, if something is
}

void FileBackend::go_on(BlockRequest& request) {
  // A file would grow again, with a hole where something was.
  if (request.op == BlockOp::kWrite && image_->ends_before(request.offset + request.length)) {
    say_once(said_truncated_, lines_.truncated);
    return end(request, -EIO);
  }
  if (image_->is_nonblocking() || !fits_direct(request) || is_streamed(request))
    return loop_.run_blocking(request, request);
  const auto part = first_part(request.vector);
  if (request.op == BlockOp::kRead)
    loop_.read(image_->fd(), part, request.offset, request);
  else
    loop_.write(image_->fd(), part, request.offset, request);
}

void FileBackend::resume(BlockRequest& request, int64_t result) {
  const bool transfers = request.op == BlockOp::kRead || request.op == BlockOp::kWrite;
  if (is_passing(result)) return try_again(request, static_cast<int>(result));
  if (is_full(result)) return no_space(request, static_cast<int>(result));
  if (result < 0 || !transfers) return end(request, static_cast<int>(std::min<int64_t>(result, 0)));
  transferred(request, static_cast<uint64_t>(result));
}

void FileBackend::transferred(BlockRequest& request, uint64_t bytes) {
  if (bytes == 0) {
    // Nothing read before the end of the disk.
    if (image_->ends_before(request.offset + request.length))
      say_once(said_truncated_, lines_.truncated);
    return end(request, -EIO);
  }
  if (image_->is_direct()) bytes -= bytes % image_->block_size();
  if (bytes == 0) return try_again(request, -EIO);
  request.retries = 0;
  request.advance(bytes);
  if (request.length == 0) return end(request, 0);
  go_on(request);
}

// On a thread of the pool, whose system calls have none of these troubles.
void FileBackend::try_again(BlockRequest& request, int error) {
  if (++request.retries > kMaxRetries) return end(request, error);
  loop_.run_blocking(request, request);
}

void FileBackend::no_space(BlockRequest& request, int error) {
  // After a failed flush the host forgets what it could not write: there is no trying again.
  const bool can_wait = request.op == BlockOp::kWrite || request.op == BlockOp::kWriteZeroes;
  if (wait_for_space_ && can_wait) {
    switch (space_.add(request)) {
      case SpaceWait::Answer::kFirst:
        return say_(lines_.waits);
      case SpaceWait::Answer::kOneMore:
        return;
      case SpaceWait::Answer::kStopped:
        return end(request, error);
    }
  }
  say_once(said_full_, lines_.full);
  end(request, error);
}

void FileBackend::end(BlockRequest& request, int error) {
  if (request.waits_for_space && space_.ended(request) && error == 0) say_(lines_.goes_on);
  request.completed(error);
}

void FileBackend::say_once(std::atomic<bool>& said, const std::string& line) {
  if (!said.exchange(true)) say_(line);
}

// ---- on threads of the pool ----

int64_t FileBackend::run_blocking(BlockRequest& request) {
  // The first time at once.
  if (request.retries > 1)
    host::sleep_ns(std::min(1u << (request.retries - 2), kMaxPauseMs) * uint64_t{1'000'000});
  switch (request.op) {
    case BlockOp::kRead:
    case BlockOp::kWrite:
      return fits_direct(request) ? transfer(request) : transfer_by_buffer(request);
    case BlockOp::kFlush:
      return result_of(fdatasync(image_->fd()));
    case BlockOp::kDiscard:
      return discard(request.offset, request.length);
    case BlockOp::kWriteZeroes:
      if (image_->ends_before(request.offset + request.length)) {
        say_once(said_truncated_, lines_.truncated);
        return -EIO;
      }
      return write_zeroes(request.offset, request.length, request.unmap);
  }
  return -EOPNOTSUPP;
}

// O_DIRECT wants memory that is aligned; the kernel's is not always.
bool FileBackend::fits_direct(const BlockRequest& request) const {
  if (!image_->is_direct()) return true;
  const uintptr_t mask = image_->memory_alignment() - 1;
  const size_t length_mask = image_->block_size() - 1;
  return std::ranges::none_of(request.vector, [&](const IoVec& part) {
    return (reinterpret_cast<uintptr_t>(part.base) & mask) || (part.size & length_mask);
  });
}

bool FileBackend::is_streamed(const BlockRequest& request) const {
  return request.op == BlockOp::kWrite && request.length >= kStreamedWrite && !image_->is_direct();
}

int64_t FileBackend::transfer(BlockRequest& request) const {
  const auto part = first_part(request.vector);
  const auto call = request.op == BlockOp::kRead ? preadv : pwritev;
  const bool streamed = is_streamed(request);
  const ssize_t count = call(image_->fd(), to_iovec(part), static_cast<int>(part.size()),
                             static_cast<off_t>(request.offset));
  // Whether it can: that is heard of at the flush.
  if (streamed && count > 0)
    sync_file_range(image_->fd(), static_cast<off_t>(request.offset), count, SYNC_FILE_RANGE_WRITE);
  return count < 0 ? -errno : count;
}

int64_t FileBackend::transfer_by_buffer(BlockRequest& request) const {
  const size_t size = std::min<uint64_t>(request.length, kBuffer);
  AlignedBuffer buffer(size, std::max<size_t>(image_->memory_alignment(), image_->block_size()));
  std::byte* const bytes = buffer.data();
  if (!bytes) return -ENOMEM;
  // Calls `copy` for each stretch of the request that is in the first `count` bytes.
  const auto for_each_part = [&](size_t count, auto copy) {
    size_t at = 0;
    for (const IoVec& part : request.vector) {
      const size_t length = std::min(part.size, count - at);
      copy(part.base, bytes + at, length);
      at += length;
      if (at == count) return;
    }
  };
  const auto offset = static_cast<off_t>(request.offset);
  if (request.op == BlockOp::kWrite) {
    for_each_part(size, [](const void* of_kernel, std::byte* ours, size_t length) {
      std::memcpy(ours, of_kernel, length);
    });
    const ssize_t count = pwrite(image_->fd(), bytes, size, offset);
    return count < 0 ? -errno : count;
  }
  const ssize_t count = pread(image_->fd(), bytes, size, offset);
  if (count < 0) return -errno;
  for_each_part(static_cast<size_t>(count),
                [](void* of_kernel, const std::byte* ours, size_t length) {
                  std::memcpy(of_kernel, ours, length);
                });
  return count;
}

// A hint: what the host does not like is left as it is.
int FileBackend::discard(uint64_t offset, uint64_t length) const {
  const uint64_t block = image_->block_size();
  const uint64_t first = (offset + block - 1) / block * block;
  const uint64_t last = (offset + length) / block * block;
  if (first >= last) return 0;
  const int error = punch(first, last - first);
  return is_refusal(error) || is_full(error) ? 0 : error;
}

int FileBackend::punch(uint64_t offset, uint64_t length) const {
  if (image_->is_device()) {
    uint64_t range[2] = {offset, length};
    return result_of(ioctl(image_->fd(), BLKDISCARD, range));
  }
  return result_of(fallocate(image_->fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                             static_cast<off_t>(offset), static_cast<off_t>(length)));
}

int FileBackend::write_zeroes(uint64_t offset, uint64_t length, bool unmap) const {
  int error;
  if (image_->is_device()) {
    uint64_t range[2] = {offset, length};
    error = result_of(ioctl(image_->fd(), BLKZEROOUT, range));
  } else {
    if (unmap && punch(offset, length) == 0) return 0;  // a hole reads as zeroes
    error = result_of(fallocate(image_->fd(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                                static_cast<off_t>(offset), static_cast<off_t>(length)));
    // tmpfs and others have holes only
    if (is_refusal(error)) error = punch(offset, length);
  }
  return is_refusal(error) ? write_plain_zeroes(offset, length) : error;
}

int FileBackend::write_plain_zeroes(uint64_t offset, uint64_t length) const {
  alignas(4096) static constexpr std::byte kZeroes[64 << 10] = {};
  while (length > 0) {
    const uint64_t part = std::min<uint64_t>(length, sizeof kZeroes);
    if (const int error = write_whole(image_->fd(), kZeroes, part, offset)) return error;
    offset += part;
    length -= part;
  }
  return 0;
}

}  // namespace lkl::host
