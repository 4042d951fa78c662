// SPDX-License-Identifier: GPL-2.0
// Descriptors of the host that threads wait for inside of the kernel (lkl_watch_create()).
#pragma once

#include <atomic>
#include <list>
#include <mutex>

#include "asm/host_watch.h"
#include "io/event_loop.h"

namespace lkl::host {

class Instance;

class Watches final {
 public:
  explicit Watches(Instance& instance) : instance_(instance) {}
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // A descriptor of the kernel, or -LKL_E....
  int create(int fd, short events, int flags);

  // fork() of the process: between the first and one of the others.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void after_fork_child();

 private:
  friend struct HostCalls;

  struct Entry final : ReadyHandler {
    void ready(short events) override;
    // Who has read what was said looks at the descriptor, and waits for more.
    Attention attention() override;

    Watch watch;
    unsigned irq = 0;
    void* kernel = nullptr;  // what that calls it
    bool ended = false;
    std::atomic<unsigned> asked = 0;
    unsigned asked_before = 0;
  };

  // By the kernel, with the CPU held.
  void begin(Entry& entry, void* kernel);
  void end(Entry& entry);

  int take_irq();

  Instance& instance_;
  std::mutex mutex_;  // guards what follows; not taken by the kernel
  int irq_ = -1;
  std::list<Entry> entries_;
};

}  // namespace lkl::host
