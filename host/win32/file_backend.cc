// SPDX-License-Identifier: GPL-2.0
#include "win32/file_backend.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "host.h"
#include "io/operation.h"

namespace lkl::host {
namespace {

bool is_full(int64_t error) {
  return error == -ENOSPC || error == -EDQUOT;
}

void say_on_standard_error(std::string_view line) {
  host::print(line);
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
      space_(loop, [this](BlockRequest& request) {
        if (request.op == BlockOp::kWrite) return go_on(request);
        loop_.run_blocking(request, request);
      }) {}

void FileBackend::start(BlockRequest& request) {
  if (read_only() && request.op != BlockOp::kRead)
    return request.completed(request.op == BlockOp::kFlush ? 0 : -EROFS);
  switch (request.op) {
    case BlockOp::kRead:
    case BlockOp::kWrite:
      return go_on(request);
    case BlockOp::kFlush:
      return loop_.sync(image_->fd(), request);
    case BlockOp::kDiscard:
    case BlockOp::kWriteZeroes:
      return loop_.run_blocking(request, request);
  }
}

void FileBackend::go_on(BlockRequest& request) {
  if (request.op == BlockOp::kRead)
    return loop_.read(image_->fd(), request.vector, request.offset, request);
  // A file would grow again, with a hole where something was.
  if (image_->ends_before(request.offset + request.length)) {
    say_once(said_truncated_, lines_.truncated);
    return end(request, -EIO);
  }
  loop_.write(image_->fd(), request.vector, request.offset, request);
}

void FileBackend::resume(BlockRequest& request, int64_t result) {
  const bool transfers = request.op == BlockOp::kRead || request.op == BlockOp::kWrite;
  if (is_full(result)) return no_space(request, static_cast<int>(result));
  if (result < 0 || !transfers) return end(request, static_cast<int>(std::min<int64_t>(result, 0)));
  if (result == 0) {
    if (image_->ends_before(request.offset + request.length))
      say_once(said_truncated_, lines_.truncated);
    return end(request, -EIO);
  }
  request.advance(static_cast<uint64_t>(result));
  if (request.length == 0) return end(request, 0);
  go_on(request);
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
  if (request.op == BlockOp::kDiscard) {
    // A hint: what the host does not like is left as it is.
    const uint64_t block = image_->block_size();
    const uint64_t first = (request.offset + block - 1) / block * block;
    const uint64_t last = (request.offset + request.length) / block * block;
    if (first < last) (void)image_->punch(first, last - first);
    return 0;
  }
  if (image_->ends_before(request.offset + request.length)) {
    say_once(said_truncated_, lines_.truncated);
    return -EIO;
  }
  if (request.unmap && image_->punch(request.offset, request.length) == 0) return 0;
  return write_zeroes(request.offset, request.length);
}

int FileBackend::write_zeroes(uint64_t offset, uint64_t length) const {
  alignas(4096) static std::array<std::byte, 256 << 10> zeroes;
  while (length > 0) {
    const IoVec part[] = {{zeroes.data(), std::min<uint64_t>(length, zeroes.size())}};
    const int64_t count = write_now(image_->fd(), part, offset, true);
    if (count <= 0) return count < 0 ? static_cast<int>(count) : -EIO;
    offset += static_cast<uint64_t>(count);
    length -= static_cast<uint64_t>(count);
  }
  return 0;
}

}  // namespace lkl::host
