// SPDX-License-Identifier: GPL-2.0
// An event loop on which things go wrong that a host may do: operations do less than they were
// asked to, end with an error that says nothing of the disk, end late, and in another order.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "io/event_loop.h"

namespace lkl_test {

class FaultyLoop : public lkl::host::EventLoop {
 public:
  struct Rates {  // of 1000 operations
    unsigned short_transfers = 200;
    unsigned errors_before = 100;  // and the operation has not been done
    unsigned errors_after = 100;   // and it has been done
    unsigned late = 300;           // by up to 2 ms, so that others overtake it
  };

  FaultyLoop(std::unique_ptr<lkl::host::EventLoop> inner, unsigned seed, const Rates& rates);
  FaultyLoop(std::unique_ptr<lkl::host::EventLoop> inner, unsigned seed)
      : FaultyLoop(std::move(inner), seed, Rates()) {}
  ~FaultyLoop() override;

  // LKL_TEST_SEED of the environment, or a new one; printed.
  static unsigned choose_seed();

  struct Counts {
    std::atomic<uint64_t> operations, short_transfers, errors_before, errors_after, late;
  };
  const Counts& counts() const { return counts_; }

  void read(int fd, std::span<const lkl::host::IoVec> to, uint64_t offset,
            lkl::host::IoCompletion& end) override;
  void write(int fd, std::span<const lkl::host::IoVec> from, uint64_t offset,
             lkl::host::IoCompletion& end) override;
  void sync(int fd, lkl::host::IoCompletion& end) override;
  void run_blocking(lkl::host::BlockingTask& task, lkl::host::IoCompletion& end) override;
  void watch(lkl::host::Watch& watch) override { inner_->watch(watch); }
  void cancel(lkl::host::Watch& watch) override { inner_->cancel(watch); }
  void set_submitter(SubmitterCall call) override { inner_->set_submitter(call); }
  void submit() override { inner_->submit(); }
  using EventLoop::sleep;
  void sleep(uint64_t deadline_ns, uint64_t busy_ns) override;
  unsigned collect() override;
  void kick() override { inner_->kick(); }
  void quiesce() override;
  int after_fork_child() override { return inner_->after_fork_child(); }

 private:
  // what it starts the inner loop does
  void start(lkl::host::IoOperationList&&) override {}
  struct Operation;

  Operation& take(lkl::host::IoCompletion& end);
  void decide(Operation& operation, bool transfers);
  // True if it has failed before it began.
  bool fails_at_once(Operation& operation);
  void shorten(Operation& operation, int fd, std::span<const lkl::host::IoVec> vector);
  void ended(Operation& operation, int64_t result);
  // Calls done() of what is due, or of all; how many.
  unsigned deliver(bool all);
  uint64_t next_due();

  const std::unique_ptr<lkl::host::EventLoop> inner_;
  const Rates rates_;
  Counts counts_ = {};
  std::mutex mutex_;  // guards what follows
  std::mt19937 random_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<Operation*> free_;
  std::vector<Operation*> held_back_;
};

}  // namespace lkl_test
