// SPDX-License-Identifier: GPL-2.0
// The host side of the kernel: one object, made by lkl_init(), that owns all
// there is beside the kernel itself - the records of host threads, the executor,
// the memory, the device bus. The kernel object exists once in a process, and so
// does this.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "asm/host_ops.h"
#include "core/bus.h"
#include "core/shadow.h"
#include "host.h"
#include "io/event_loop.h"
#include "virtio/guest_memory.h"

struct lkl_host_operations;

namespace lkl {

class Disks;

class Instance final {
 public:
  explicit Instance(const lkl_host_operations& ops);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // The one of this process, nullptr before lkl_init() and after lkl_cleanup().
  static Instance* get() { return current_.load(std::memory_order_acquire); }
  // The same for system calls; nullptr as well while somebody looks at each of them.
  static Instance* direct() { return direct_.load(std::memory_order_acquire); }
  static void set(Instance* instance, bool traced = false) {
    current_.store(instance, std::memory_order_release);
    direct_.store(traced ? nullptr : instance, std::memory_order_release);
  }

  // Boots on the calling thread. 0 or -errno of this kernel.
  int boot(const char* command_line);
  bool booted() const { return booted_.load(std::memory_order_acquire); }
  // The word of the kernel itself: a copy would be late for threads that see it die.
  bool halted() const { return std::atomic_ref(lkl_cpu.mode).load() == LKL_MODE_DEAD; }
  bool running() const { return booted() && !halted(); }

  // A system call of the calling thread: this is the fast path. -LKL_ENODEV before the
  // boot, -LKL_EDEADLK from a signal handler inside a call of the same thread.
  int64_t call(int64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    lkl_host_thread* thread = host::current_thread(number_);
    if (!thread || thread->inside) [[unlikely]] {
      if (const int error = get_ready(thread)) return error;
    }
    thread->nr = nr;
    thread->args[0] = a;
    thread->args[1] = b;
    thread->args[2] = c;
    thread->args[3] = d;
    thread->args[4] = e;
    thread->args[5] = f;
    return lkl_kernel_syscall(thread);
  }

  Bus& bus() { return bus_; }
  EventLoop& loop() { return *loop_; }
  GuestMemory& memory() { return memory_; }
  Disks& disks() { return *disks_; }
  const lkl_host_operations& ops() const { return ops_; }

  void print(const char* text, size_t length) const;
  // Nothing more is printed: what a kernel says while it is halted on purpose is
  // beyond any loglevel, and no news.
  void mute() { muted_.store(true); }

  // Around fork() of the host process.
  void fork_prepare();
  void fork_parent();
  void fork_child();
  // A host thread ends.
  void thread_exits(lkl_host_thread* thread);
  // The owner of its records (host.h).
  uint64_t number() const { return number_; }

 private:
  friend struct HostCalls;

  // The first call of a thread makes its record. 0 or an error.
  int get_ready(lkl_host_thread*& thread);
  lkl_host_thread* attach();
  lkl_host_thread* new_record();
  int start_executor();
  void executor_main();
  void executor_wait(uint64_t deadline);
  void* allocate(uint64_t size, uint64_t align);
  void on_halted();

  static std::atomic<Instance*> current_;
  static std::atomic<Instance*> direct_;

  const uint64_t number_;
  const lkl_host_operations& ops_;
  KernelShadow shadow_;  // before all that may call into the kernel, and after it
  std::unique_ptr<EventLoop> loop_;
  GuestMemory memory_;
  Bus bus_;
  std::unique_ptr<Disks> disks_;

  std::atomic<bool> booted_ = false;
  std::atomic<bool> muted_ = false;

  // Records are type-stable: reused, freed with the instance (host_ops.h).
  std::mutex threads_mutex_;
  std::vector<std::unique_ptr<lkl_host_thread>> threads_;
  std::vector<lkl_host_thread*> free_threads_;

  struct Block {
    void* base;
    uint64_t size;
  };
  std::vector<Block> blocks_;  // memory the kernel has asked for, at boot only

  host::Thread executor_;
  lkl_host_thread executor_record_ = {};

  // fork: the executor stays in its wait while another thread copies the process
  std::atomic<int> fork_pending_ = 0;
  std::atomic<int> executor_parked_ = 0;
  lkl_host_thread* forking_ = nullptr;
};

}  // namespace lkl
