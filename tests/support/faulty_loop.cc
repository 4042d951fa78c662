// SPDX-License-Identifier: GPL-2.0
#include "support/faulty_loop.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "host.h"

namespace lkl_test {

struct FaultyLoop::Operation final : lkl::host::IoCompletion {
  FaultyLoop* loop = nullptr;
  lkl::host::IoCompletion* end = nullptr;
  std::vector<lkl::host::IoVec> vector;  // what the inner loop works on
  int error_before = 0;
  int error_after = 0;
  bool is_short = false;
  uint64_t delay_ns = 0;
  uint64_t due_ns = 0;
  int64_t result = 0;

  void done(int64_t value) override { loop->ended(*this, value); }
};

FaultyLoop::FaultyLoop(std::unique_ptr<lkl::host::EventLoop> inner, unsigned seed,
                       const Rates& rates)
    : inner_(std::move(inner)), rates_(rates), random_(seed) {}

FaultyLoop::~FaultyLoop() {
  quiesce();
}

unsigned FaultyLoop::choose_seed() {
  const char* wish = std::getenv("LKL_TEST_SEED");
  const unsigned seed =
      wish ? static_cast<unsigned>(std::strtoul(wish, nullptr, 0)) : std::random_device()();
  std::printf("faults of LKL_TEST_SEED=%u\n", seed);
  std::fflush(stdout);
  return seed;
}

FaultyLoop::Operation& FaultyLoop::take(lkl::host::IoCompletion& end) {
  ++counts_.operations;
  if (free_.empty()) {
    operations_.push_back(std::make_unique<Operation>());
    operations_.back()->loop = this;
    free_.push_back(operations_.back().get());
  }
  Operation& operation = *free_.back();
  free_.pop_back();
  operation.end = &end;
  return operation;
}

// With the mutex held: one seed makes one sequence of decisions.
void FaultyLoop::decide(Operation& operation, bool transfers) {
  static constexpr std::array kErrors = {EINTR, EAGAIN, ECANCELED, ENOMEM, EFAULT};
  const auto happens = [&](unsigned rate) { return random_() % 1000 < rate; };
  const auto error = [&](bool wanted) {
    const int which = kErrors[random_() % kErrors.size()];
    return wanted ? -which : 0;
  };
  operation.is_short = happens(rates_.short_transfers) && transfers;
  operation.error_before = error(happens(rates_.errors_before));
  operation.error_after = error(happens(rates_.errors_after));
  const uint64_t delay = random_() % 2'000'000;
  operation.delay_ns = happens(rates_.late) ? delay + 1 : 0;
}

bool FaultyLoop::fails_at_once(Operation& operation) {
  if (operation.error_before == 0) return false;
  ++counts_.errors_before;
  {
    const std::lock_guard lock(mutex_);
    operation.result = operation.error_before;
    operation.due_ns = lkl::host::monotonic_ns() + operation.delay_ns;
    held_back_.push_back(&operation);
  }
  inner_->kick();
  return true;
}

// Any number of bytes but all and none; with O_DIRECT, of blocks.
void FaultyLoop::shorten(Operation& operation, int fd, std::span<const lkl::host::IoVec> vector) {
  uint64_t total = 0;
  for (const lkl::host::IoVec& part : vector) total += part.size;
  operation.vector.assign(vector.begin(), vector.end());
  const int flags = fcntl(fd, F_GETFL);
  const uint64_t unit = flags >= 0 && (flags & O_DIRECT) ? 4096 : 1;
  if (!operation.is_short || total < 2 * unit) return;
  ++counts_.short_transfers;
  uint64_t left = (1 + random_() % (total / unit - 1)) * unit;
  for (size_t i = 0; i < operation.vector.size(); ++i) {
    lkl::host::IoVec& part = operation.vector[i];
    if (left <= part.size) {
      part.size = left;
      operation.vector.resize(i + 1);
      return;
    }
    left -= part.size;
  }
}

void FaultyLoop::read(int fd, std::span<const lkl::host::IoVec> to, uint64_t offset,
                      lkl::host::IoCompletion& end) {
  Operation* operation;
  {
    const std::lock_guard lock(mutex_);
    operation = &take(end);
    decide(*operation, true);
    shorten(*operation, fd, to);
  }
  if (!fails_at_once(*operation)) inner_->read(fd, operation->vector, offset, *operation);
}

void FaultyLoop::write(int fd, std::span<const lkl::host::IoVec> from, uint64_t offset,
                       lkl::host::IoCompletion& end) {
  Operation* operation;
  {
    const std::lock_guard lock(mutex_);
    operation = &take(end);
    decide(*operation, true);
    shorten(*operation, fd, from);
  }
  if (!fails_at_once(*operation)) inner_->write(fd, operation->vector, offset, *operation);
}

void FaultyLoop::sync(int fd, lkl::host::IoCompletion& end) {
  Operation* operation;
  {
    const std::lock_guard lock(mutex_);
    operation = &take(end);
    decide(*operation, false);
  }
  if (!fails_at_once(*operation)) inner_->sync(fd, *operation);
}

void FaultyLoop::run_blocking(lkl::host::BlockingTask& task, lkl::host::IoCompletion& end) {
  Operation* operation;
  {
    const std::lock_guard lock(mutex_);
    operation = &take(end);
    decide(*operation, false);
  }
  if (!fails_at_once(*operation)) inner_->run_blocking(task, *operation);
}

void FaultyLoop::ended(Operation& operation, int64_t result) {
  if (operation.error_after != 0 && result >= 0) {
    ++counts_.errors_after;
    result = operation.error_after;
  }
  const std::lock_guard lock(mutex_);
  if (operation.delay_ns > 0) ++counts_.late;
  operation.result = result;
  operation.due_ns = operation.delay_ns > 0 ? lkl::host::monotonic_ns() + operation.delay_ns : 0;
  held_back_.push_back(&operation);
}

unsigned FaultyLoop::deliver(bool all) {
  unsigned count = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    const uint64_t now = lkl::host::monotonic_ns();
    const auto due = std::ranges::find_if(
        held_back_, [&](const Operation* operation) { return all || operation->due_ns <= now; });
    if (due == held_back_.end()) break;
    Operation* const operation = *due;
    held_back_.erase(due);
    lkl::host::IoCompletion& end = *operation->end;
    const int64_t result = operation->result;
    free_.push_back(operation);
    lock.unlock();
    end.done(result);
    ++count;
    lock.lock();
  }
  return count;
}

uint64_t FaultyLoop::next_due() {
  const std::lock_guard lock(mutex_);
  uint64_t next = UINT64_MAX;
  for (const Operation* operation : held_back_) next = std::min(next, operation->due_ns);
  return next;
}

void FaultyLoop::sleep(uint64_t deadline_ns, uint64_t busy_ns) {
  inner_->sleep(std::min(deadline_ns, next_due()), busy_ns);
}

unsigned FaultyLoop::collect() {
  return inner_->collect() + deliver(false);
}

void FaultyLoop::quiesce() {
  do {
    inner_->quiesce();
  } while (deliver(true) > 0);
}

}  // namespace lkl_test
