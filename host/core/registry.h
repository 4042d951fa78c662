// SPDX-License-Identifier: GPL-2.0
// What there is once in a process: the records of host threads, which outlive the kernels
// they are of, and the kernel that is there now. The only mutable global of the host side.
#pragma once

#include <atomic>
#include <bitset>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/image.h"
#include "core/printer.h"
#include "core/record.h"
#include "descriptor.h"
#include "host.h"
#include "lkl_host.h"

namespace lkl::host {

class Copiers;
class EventLoop;
class Instance;

// A function of the library that is more than a call. fork() in a signal handler that interrupts
// it does not wait for it, that would be for ever; the thread is not cancelled in the middle.
class InLibrary final {
 public:
  InLibrary() { ++host::current_thread().in_library; }
  ~InLibrary() { --host::current_thread().in_library; }
  InLibrary(const InLibrary&) = delete;
  InLibrary& operator=(const InLibrary&) = delete;

 private:
  const host::Unnoticed unnoticed_;
};

// Which calls are shown (api/trace.h), and where. Set before any call is made.
struct CallTrace {
  Descriptor file;  // none: standard error
  std::bitset<1024> chosen;
};

// The life of a kernel. Changed with the registry's mutex held, but for kDead, which the kernel
// says itself.
//
//   kNew -> kBooting -> kRunning -> kHalting -> kDead        lkl_init() ... lkl_cleanup()
//              \------------\----------------/  a panic, no memory
enum class Phase { kNew, kBooting, kRunning, kHalting, kDead };

class Registry final {
 public:
  static Registry& get();

  // ---- records: any thread, also in a signal handler; no lock ----
  // nullptr if the host has no memory.
  ThreadRecord* claim_record(uint64_t kernel);
  void release_record(ThreadRecord& record) { record.in_use.store(false); }
  // Of this kernel, used by a thread or not.
  template <typename Function>
  void for_each_record(uint64_t kernel, Function function) {
    for (ThreadRecord* record = records_.load(); record; record = record->next_record)
      if (record->kernel.load() == kernel) function(*record);
  }

  // ---- the kernel that takes calls ----
  // Its number, 0 for none. `direct`: 0 as well while somebody looks at each call.
  static uint64_t open_kernel() { return open_.load(); }
  static uint64_t direct_kernel() { return direct_.load(std::memory_order_acquire); }
  void open_calls(uint64_t kernel);
  void close_calls();

  // ---- the instance, for all that is more than a call ----
  // It stays while this exists. Empty if there is none, or it is being cleaned up.
  // In a signal handler that interrupts its thread fork() gives a child without a kernel.
  class Use {
   public:
    Use();
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    explicit operator bool() const { return instance_ != nullptr; }
    Instance* operator->() const { return instance_; }
    Instance& operator*() const { return *instance_; }

   private:
    const InLibrary scope_;
    Instance* instance_ = nullptr;
  };

  // Makes it; false if there is one already. `traced`: somebody looks at each call.
  bool put(const lkl_host_operations& ops, std::unique_ptr<EventLoop> loop, bool traced);
  // For who only wants to know: any thread, also in a signal handler.
  static bool exists() { return exists_.load(); }
  static bool is_running();
  // The instance, for the one thread that is to clean up, when no boot and no halt of others
  // goes on; nullptr if there is none or somebody else does it. From here on no Use finds it.
  Instance* begin_cleanup();
  // When all Uses have ended: destroys it.
  void end_cleanup();

  // From one phase to the next, or false. To kBooting or kHalting: a change begins, which ends
  // with the same thread's change to kRunning (or not, the kernel being dead), or change_ended().
  bool change_phase(Instance& instance, Phase from, Phase to);
  void change_ended();
  // For those of others.
  void wait_for_change();

  // ---- fork() of the process: in this order, by the thread that forks ----
  void fork_prepare();
  void fork_parent();
  void fork_child();

  // ---- choices for the whole process ----
  KernelImage image;
  std::atomic<lkl_on_panic> on_panic_of_application = LKL_ON_PANIC_ABORT;
  std::atomic<lkl_on_panic> on_panic = LKL_ON_PANIC_ABORT;
  std::atomic<lkl_on_fork> on_fork = LKL_ON_FORK_COPY;
  CallTrace trace;
  Printer printer;
  // Of programs that give them when they boot (lkl/compat5.h).
  std::atomic<const lkl_host_operations*> operations5 = &lkl_host_ops;
  // For tests: each event loop goes through it before it is used.
  std::unique_ptr<EventLoop> (*decorate_loop)(std::unique_ptr<EventLoop>) = nullptr;

 private:
  Registry() = default;

  // of each call: no function to find them by
  static inline constinit std::atomic<uint64_t> open_ = 0;
  static inline constinit std::atomic<uint64_t> direct_ = 0;
  static inline constinit std::atomic<bool> exists_ = false;

  std::atomic<ThreadRecord*> records_ = nullptr;

  // Held over a fork, its threads' begin and end included: allocators of sanitizers do not survive
  // a fork beside these.
  std::mutex forks_;
  // Held over a fork; never while the kernel is called, but for that.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<Copiers> copiers_;  // of the fork that goes on; forks_ held
  uint64_t last_number_ = 0;
  unsigned users_ = 0;
  bool traced_ = false;
  bool cleaning_ = false;
  bool changing_ = false;  // a thread boots or halts it, also when it is dead already
};

}  // namespace lkl::host
