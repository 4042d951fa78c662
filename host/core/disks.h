// SPDX-License-Identifier: GPL-2.0
// The disks that the application has added. Ids count up and are not reused while
// an instance lives.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "annotate.h"
#include "core/instance.h"
#include "virtio/blk.h"
#include "virtio/mmio.h"

namespace lkl::host {

// One disk: its virtio device, and where it is on the bus.
class Disk final : public IrqLine {
 public:
  Disk(int id, unsigned irq, Instance& instance, std::unique_ptr<BlockBackend> backend,
       const VirtioBlkOptions& options);
  ~Disk() override;

  int id() const { return id_; }
  unsigned irq() const { return irq_; }

  // Tells the kernel, once, whoever comes first; others wait for that. 0 or -errno.
  int connect();
  int disconnect();
  void stop_waiting() { device_.backend().stop_waiting(); }
  // In the child of a fork: what a thread that is no more has begun its task ends.
  void after_fork_child();

  // by the holder of the CPU, or by who minds the event loop, and attends to it then
  void raise() override {
    tell_kernel();
    lkl_kernel_raise(irq_);
  }

 private:
  enum class State { kApart, kConnecting, kConnected, kGone };
  // When no other thread connects it.
  State settled() const;

  const int id_;
  const unsigned irq_;
  Instance& instance_;
  VirtioBlk device_;
  MmioTransport transport_;
  std::atomic<State> state_ = State::kApart;
};

class Disks final {
 public:
  explicit Disks(Instance& instance) : instance_(instance) {}

  // The id, or -errno. `added` stands for it in remove(), and is set before the kernel hears of it.
  int add(std::unique_ptr<BlockBackend> backend, const VirtioBlkOptions& options, Disk*& added);
  // 0 or -errno; any pointer may be given.
  int remove(const void* disk);
  // After the boot: what was added before it.
  int connect_all();
  // The irq, or -LKL_ENODEV.
  int irq(int id);

  // Nobody makes room on the host any more for what waits for it.
  void stop_waiting();

  // fork() of the process: between the first and one of the others.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void after_fork_child();

 private:
  Instance& instance_;
  std::mutex mutex_;  // not held while the kernel is called: it may be a long call
  // shared: who boots connects disks that others may remove meanwhile
  std::vector<std::shared_ptr<Disk>> disks_;
  int next_id_ = 0;
};

}  // namespace lkl::host
