// SPDX-License-Identifier: GPL-2.0
// The host side of one kernel: made by lkl_init(), it owns all there is beside the kernel
// itself - its threads, its memory, the device bus, the disks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "asm/host_memory.h"
#include "asm/host_ops.h"
#include "asm/host_watch.h"
#include "core/gate.h"
#include "core/minder.h"
#include "core/record.h"
#include "core/registry.h"
#include "core/shadow.h"
#include "host.h"
#include "io/event_loop.h"
#include "mappable_memory.h"
#include "virtio/bus.h"
#include "virtio/guest_memory.h"

struct lkl_host_operations;

namespace lkl::host {

class Appointments;
class Disks;
class Nics;
class Watches;

class Instance final {
 public:
  // `number`: not used before in this process. std::bad_alloc.
  Instance(uint64_t number, const lkl_host_operations& ops, std::unique_ptr<EventLoop> loop);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  uint64_t number() const { return number_; }

  // Dead from when the kernel is: the thread that has its answer from this may be there
  // before the one that ran the end, which is still to tell the others.
  Phase phase() const;
  bool running() const { return phase() == Phase::kRunning || phase() == Phase::kHalting; }
  bool change_phase(Phase from, Phase to) {
    return phase() == from && phase_.compare_exchange_strong(from, to);
  }

  // Boots on the calling thread. 0 or -errno of this kernel.
  int boot(const char* command_line);
  // Nobody is to find it any more: waits for threads that are on their way out of a call,
  // then for its own threads.
  void close();

  Bus& bus() { return bus_; }
  EventLoop& loop() { return *loop_; }
  GuestMemory& memory() { return memory_; }
  Disks& disks() { return *disks_; }
  Nics& nics() { return *nics_; }
  Appointments& appointments() { return *appointments_; }
  Watches& watches() { return *watches_; }
  const lkl_host_operations& ops() const { return ops_; }

  void print(const char* text, size_t length) const;
  // Nothing more is printed: what a kernel says while it is halted on purpose is
  // beyond any loglevel, and no news.
  void mute() { muted_.store(true); }

  // Whether fork() of the host process is to copy its memory.
  bool is_copied_for_child() const { return mappable_.exists(); }
  // Around fork(), the registry's mutex held.
  void fork_prepare();
  void fork_parent(Copiers* copiers);
  void fork_child();
  // In the child, if nothing was prepared: the copy can't go on.
  void fork_child_alone();

 private:
  friend struct HostCalls;

  void hold_still();
  void lend();
  void child_without_kernel();

  int start_executor();
  void run_executor();
  void executor_wait();
  void stop_threads();
  void* allocate(uint64_t size, uint64_t align);
  void on_halted();
  void write_register(uint64_t address, uint64_t value, unsigned size, lkl_host_thread* waiter);
  void leave_calls_of_others();
  void reseed();

  const uint64_t number_;
  const lkl_host_operations& ops_;
  lkl_host_calls calls_;
  lkl_memory_calls memory_calls_;
  lkl_watch_calls watch_calls_;
  MappableMemory mappable_;  // of a kernel with page tables, made at boot
  KernelShadow shadow_;      // before all that may call into the kernel, and after it
  std::unique_ptr<EventLoop> loop_;
  GuestMemory memory_;
  Bus bus_;
  std::unique_ptr<Disks> disks_;
  std::unique_ptr<Nics> nics_;
  std::unique_ptr<Appointments> appointments_;
  std::unique_ptr<Watches> watches_;
  Minder minder_;

  std::atomic<Phase> phase_ = Phase::kNew;
  std::atomic<bool> muted_ = false;

  struct Block {
    void* base;
    uint64_t size;
  };
  std::vector<Block> blocks_;  // memory the kernel has asked for, at boot only

  host::Thread executor_;
  ThreadRecord executor_record_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> booted_ = false;  // and the executor has not done what comes after that
  Gate executor_gate_;

  // ---- fork ----
  std::atomic<int> granted_ = 0;  // to the thread that is to fork
  std::mutex fork_mutex_;         // of what follows: not while the kernel is lent
  bool held_ = false;             // the CPU
  bool forks_ = false;            // all stands still
  uint64_t forker_ = 0;           // the thread
  unsigned asleep_ = 0;           // looks that have found it asleep, one after the other
};

}  // namespace lkl::host
