// SPDX-License-Identifier: GPL-2.0
#include "core/instance.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "api/disk.h"
#include "asm/host_debug.h"
#include "asm/host_random.h"
#include "core/coverage.h"
#include "core/image.h"
#include "core/on_panic.h"
#include "lkl.h"

namespace lkl {

std::atomic<Instance*> Instance::current_ = nullptr;
std::atomic<Instance*> Instance::direct_ = nullptr;

// The functions behind host_ops.h. They run on kernel stacks: thin.
struct HostCalls {
  static Instance& self() { return *Instance::get(); }

  static void print(const char* text, int length) {
    const host::NoCancellation guard;
    self().print(text, length);
  }
  // Returns if the process is to go on without this kernel.
  static void panic() {
    const host::NoCancellation guard;
    if (on_panic() == LKL_ON_PANIC_ERROR) return;
    if (on_panic() == LKL_ON_PANIC_WAIT) host::wait_for_debugger();
    if (self().ops_.panic) self().ops_.panic();
    std::abort();
  }
  static void halted() {
    const host::NoCancellation guard;
    self().on_halted();
  }
  static void* mem_alloc(lkl_u64 size, lkl_u64 align) { return self().allocate(size, align); }
  static void mem_discard(void* base, lkl_u64 size) { host::discard_memory(base, size); }
  static void mem_register(void* base, lkl_u64 phys, lkl_u64 size) {
    self().memory_.set_range(phys, base, size);
  }
  static lkl_u64 time() { return host::monotonic_ns(); }
  static lkl_u64 realtime() { return host::realtime_ns(); }
  static int wait(lkl_host_thread* thread, lkl_u64 deadline) {
    return host::wait(thread, deadline);
  }
  static void wake(lkl_host_thread* thread) { host::wake(thread); }
  static void executor_wait(lkl_u64 deadline) { self().executor_wait(deadline); }
  static void executor_kick() {
    const host::NoCancellation guard;
    self().loop_->kick();
  }
  static lkl_u64 mmio_read(lkl_u64 address, unsigned size) {
    return self().bus_.read(address, size);
  }
  static void mmio_write(lkl_u64 address, lkl_u64 value, unsigned size) {
    const host::NoCancellation guard;
    self().bus_.write(address, value, size);
  }
  static void stack_on(void* base, lkl_u64 size) { host::stack_on(base, size); }
  static void stack_off(void* base, lkl_u64 size) { host::stack_off(base, size); }
  static int backtrace(lkl_u64* addresses, int max) {
    static_assert(sizeof(lkl_u64) == sizeof(uint64_t));
    return host::backtrace(reinterpret_cast<uint64_t*>(addresses), max);
  }
  static int name(lkl_u64 address, char* text, int size) {
    const host::NoCancellation guard;
    return host::name_address(address, text, size);
  }
  static void no_content(void* base, lkl_u64 size) { host::memory_has_no_content(base, size); }
};

namespace {

lkl_host_calls host_calls = {
    .print = HostCalls::print,
    .panic = HostCalls::panic,
    .halted = HostCalls::halted,
    .mem_alloc = HostCalls::mem_alloc,
    .mem_discard = HostCalls::mem_discard,
    .mem_register = HostCalls::mem_register,
    .time = HostCalls::time,
    .realtime = HostCalls::realtime,
    .wait = HostCalls::wait,
    .wake = HostCalls::wake,
    .executor_wait = HostCalls::executor_wait,
    .executor_kick = HostCalls::executor_kick,
    .mmio_read = HostCalls::mmio_read,
    .mmio_write = HostCalls::mmio_write,
    .stack_on = HostCalls::stack_on,
    .stack_off = HostCalls::stack_off,
    .may_spin = 0,
    .cycles_are_stable = 0,
};

constexpr lkl_debug_calls debug_calls = {
    .backtrace = HostCalls::backtrace,
    .name = HostCalls::name,
    .no_content = HostCalls::no_content,
};

std::atomic<uint64_t> instances = 0;

// How often a thread that waits for a few instructions of others looks again.
constexpr uint64_t kPollNs = 20'000;

}  // namespace

Instance::Instance(const lkl_host_operations& ops)
    : number_(++instances),
      ops_(ops),
      loop_(make_event_loop()),
      disks_(std::make_unique<Disks>(*this)) {
  KernelImage::reset();
  lkl_kernel_debug_calls(&debug_calls);
  host_calls.may_spin = host::processors() > 1;
  host_calls.cycles_are_stable = host::cycles_are_stable();
}

Instance::~Instance() {
  // Threads that the halt has woken may not be out of their calls yet.
  for (bool inside = true; inside;) {
    inside = false;
    {
      const std::lock_guard lock(threads_mutex_);
      for (const auto& thread : threads_)
        inside |= std::atomic_ref<int>(thread->inside).load() != 0;
    }
    if (inside) host::sleep_ns(kPollNs);
  }
  executor_.join();
  disks_.reset();
  loop_->quiesce();
  for (const Block& block : blocks_) host::release_memory(block.base, block.size);
}

int Instance::boot(const char* command_line) {
  if (const int error = start_executor()) return error;
  std::array<std::byte, LKL_SEED_SIZE> seed;
  if (host::random_bytes(seed)) lkl_kernel_seed(seed.data());
  lkl_host_thread* self = attach();
  self->inside = 1;
  const int error = lkl_kernel_boot(&host_calls, self, command_line);
  self->inside = 0;
  self->state = LKL_REQ_IDLE;
  if (error == 0) booted_.store(true, std::memory_order_release);
  return error;
}

int Instance::get_ready(lkl_host_thread*& thread) {
  // The record is in use by the call that was interrupted: do not touch it.
  if (thread) return -LKL_EDEADLK;
  if (!booted()) return -LKL_ENODEV;
  thread = attach();
  return 0;
}

void Instance::print(const char* text, size_t length) const {
  if (ops_.print && !muted_.load()) ops_.print(text, static_cast<int>(length));
}

// ---- threads ----

lkl_host_thread* Instance::new_record() {
  const std::lock_guard lock(threads_mutex_);
  lkl_host_thread* thread;
  // One that is still on the kernel's list is looked at once more (host_ops.h).
  const auto free = std::ranges::find_if(free_threads_, [](lkl_host_thread* candidate) {
    return std::atomic_ref<int>(candidate->queued).load() == 0;
  });
  if (free != free_threads_.end()) {
    thread = *free;
    free_threads_.erase(free);
  } else {
    threads_.push_back(std::make_unique<lkl_host_thread>());
    thread = threads_.back().get();
  }
  *thread = lkl_host_thread{};
  return thread;
}

lkl_host_thread* Instance::attach() {
  lkl_host_thread* thread = new_record();
  host::set_current_thread(thread, number_);
  return thread;
}

void Instance::thread_exits(lkl_host_thread* thread) {
  if (thread->inside) {
    // The kernel stack is in the middle of a call that will never go on.
    constexpr char kMessage[] =
        "lkl: a thread was ended (longjmp, pthread_exit in a signal handler) inside a system "
        "call\n";
    host::print(kMessage, sizeof kMessage - 1);
    std::abort();
  }
  if (thread->task && running()) call(LKL_NR_THREAD_EXIT, 0, 0, 0, 0, 0, 0);
  const std::lock_guard lock(threads_mutex_);
  free_threads_.push_back(thread);
}

// ---- the executor ----

int Instance::start_executor() {
  executor_record_ = lkl_host_thread{};
  return executor_.start(
      "lkl-executor", [](void* self) { static_cast<Instance*>(self)->executor_main(); }, this);
}

void Instance::executor_main() {
  lkl_kernel_setup(&host_calls);
  while (lkl_kernel_execute(&executor_record_)) {
  }
}

void Instance::executor_wait(uint64_t deadline) {
  if (fork_pending_.load()) {
    executor_parked_.store(1);
    executor_parked_.notify_all();
    fork_pending_.wait(1);
    executor_parked_.store(0);
    executor_parked_.notify_all();
    return;
  }
  loop_->wait(deadline);
}

void Instance::on_halted() {
  // On a kernel stack with the CPU held. The mutex is only ever held for a few
  // instructions by threads that do not wait for the CPU.
  const std::lock_guard lock(threads_mutex_);
  for (const auto& thread : threads_) host::wake(thread.get());
  loop_->kick();
}

void* Instance::allocate(uint64_t size, uint64_t align) {
  void* base = host::reserve_memory(size, align);
  if (base) blocks_.push_back({base, size});
  return base;
}

// ---- fork ----

// The copy must be taken while no other thread is in the middle of anything: the
// CPU is held by nobody's kernel code, no device request is in flight, the
// executor waits.
void Instance::fork_prepare() {
  forking_ = host::current_thread(number_);
  if (!forking_) forking_ = attach();
  while (!lkl_kernel_try_hold()) host::sleep_ns(kPollNs);
  // it may not have left the wait of the fork before
  executor_parked_.wait(1);
  fork_pending_.store(1);
  loop_->kick();
  executor_parked_.wait(0);
  loop_->quiesce();
  threads_mutex_.lock();
}

void Instance::fork_parent() {
  threads_mutex_.unlock();
  fork_pending_.store(0);
  fork_pending_.notify_all();
  lkl_kernel_release(forking_);
}

void Instance::fork_child() {
  threads_mutex_.unlock();
  loop_->after_fork_child();
  executor_.fork_forget();
  executor_parked_.store(0);
  fork_pending_.store(0);
  for (const auto& thread : threads_) {
    if (thread.get() != forking_) lkl_kernel_orphan(thread.get());
  }
  // what has run before is for the parent to tell
  Coverage::reset();
  start_executor();
  lkl_kernel_release(forking_);
  // or parent and child would go on with the same keys
  std::array<std::byte, LKL_SEED_SIZE> seed;
  if (running() && host::random_bytes(seed))
    call(LKL_NR_SEED, reinterpret_cast<uint64_t>(seed.data()), seed.size(), 0, 0, 0, 0);
}

}  // namespace lkl
