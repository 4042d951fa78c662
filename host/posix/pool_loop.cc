// SPDX-License-Identifier: GPL-2.0
#include "posix/pool_loop.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "host.h"

namespace lkl {

struct PoolLoop::Operation final : BlockingTask, IoCompletion {
  enum class Kind { kRead, kWrite, kSync } kind = Kind::kRead;
  int fd = -1;
  std::span<const iovec> vector;
  uint64_t offset = 0;
  IoCompletion* end = nullptr;
  PoolLoop* loop = nullptr;

  int64_t run() override {
    ssize_t result;
    do {
      switch (kind) {
        case Kind::kRead:
          result = preadv(fd, vector.data(), static_cast<int>(vector.size()), offset);
          break;
        case Kind::kWrite:
          result = pwritev(fd, vector.data(), static_cast<int>(vector.size()), offset);
          break;
        case Kind::kSync:
          result = fdatasync(fd);
          break;
      }
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
  }

  void done(int64_t result) override {
    IoCompletion* const who = end;
    loop->give_back(*this);
    who->done(result);
  }
};

PoolLoop::PoolLoop() : pool_(wakeup_) {}

PoolLoop::~PoolLoop() {
  quiesce();
}

PoolLoop::Operation& PoolLoop::take(IoCompletion& end) {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    operations_.push_back(std::make_unique<Operation>());
    free_.push_back(operations_.back().get());
  }
  Operation& operation = *free_.back();
  free_.pop_back();
  operation.end = &end;
  operation.loop = this;
  return operation;
}

void PoolLoop::give_back(Operation& operation) {
  const std::lock_guard lock(mutex_);
  free_.push_back(&operation);
}

void PoolLoop::read(int fd, std::span<const iovec> to, uint64_t offset, IoCompletion& end) {
  Operation& operation = take(end);
  operation.kind = Operation::Kind::kRead;
  operation.fd = fd;
  operation.vector = to;
  operation.offset = offset;
  pool_.submit(operation, operation);
}

void PoolLoop::write(int fd, std::span<const iovec> from, uint64_t offset, IoCompletion& end) {
  Operation& operation = take(end);
  operation.kind = Operation::Kind::kWrite;
  operation.fd = fd;
  operation.vector = from;
  operation.offset = offset;
  pool_.submit(operation, operation);
}

void PoolLoop::sync(int fd, IoCompletion& end) {
  Operation& operation = take(end);
  operation.kind = Operation::Kind::kSync;
  operation.fd = fd;
  pool_.submit(operation, operation);
}

void PoolLoop::run_blocking(BlockingTask& task, IoCompletion& end) {
  pool_.submit(task, end);
}

void PoolLoop::wait(uint64_t deadline_ns) {
  if (pool_.collect() > 0 || !wakeup_.going_to_sleep()) {
    pool_.collect();
    return;
  }
  pollfd fd = {.fd = wakeup_.fd(), .events = POLLIN, .revents = 0};
  timespec timeout = {};
  if (deadline_ns != UINT64_MAX) {
    const uint64_t now = host::monotonic_ns();
    const uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    timeout = {.tv_sec = static_cast<time_t>(left / 1'000'000'000),
               .tv_nsec = static_cast<long>(left % 1'000'000'000)};
  }
  if (ppoll(&fd, 1, deadline_ns == UINT64_MAX ? nullptr : &timeout, nullptr) > 0) {
    uint64_t count;
    (void)!::read(fd.fd, &count, sizeof count);
  }
  wakeup_.awake();
  pool_.collect();
}

void PoolLoop::quiesce() {
  while (pool_.in_flight() > 0) {
    pool_.wait_for_one();
    pool_.collect();
  }
}

void PoolLoop::after_fork_child() {
  wakeup_.renew();
  pool_.after_fork_child();
}

}  // namespace lkl
