// SPDX-License-Identifier: GPL-2.0
#include "core/instance.h"

#include <array>

#include "annotate.h"
#include "asm/host_debug.h"
#include "asm/host_memory.h"
#include "asm/host_random.h"
#include "core/application.h"
#include "core/appointments.h"
#include "core/calls.h"
#include "core/coverage.h"
#include "core/disks.h"
#include "core/host_calls.h"
#include "core/nics.h"
#include "core/watches.h"
#include "lkl.h"

namespace lkl::host {
namespace {

// How often a thread that waits for a few instructions of others looks again.
constexpr uint64_t kPollNs = 20'000;

}  // namespace

Instance::Instance(uint64_t number, const lkl_host_operations& ops, std::unique_ptr<EventLoop> loop)
    : number_(number),
      ops_(ops),
      calls_(make_host_calls(*this)),
      memory_calls_(make_memory_calls(*this)),
      watch_calls_(make_watch_calls(*this)),
      loop_(std::move(loop)),
      disks_(std::make_unique<Disks>(*this)),
      nics_(std::make_unique<Nics>(*this)),
      appointments_(std::make_unique<Appointments>(*loop_)),
      watches_(std::make_unique<Watches>(*this)),
      minder_(*loop_, {[](void* self) { static_cast<Instance*>(self)->lend(); }, this}) {
  lkl_kernel_debug_calls(&debug_calls);
  lkl_kernel_memory_calls(&memory_calls_);
  lkl_kernel_watch_calls(&watch_calls_);
}

Instance::~Instance() {
  appointments_.reset();
  stop_threads();
  disks_->stop_waiting();
  loop_->quiesce();
  watches_.reset();
  nics_.reset();
  disks_.reset();
  for (const Block& block : blocks_) host::release_memory(block.base, block.size);
}

int Instance::boot(const char* command_line) {
  kernel_begins();
  kernel_has_memory(lkl_kernel_data_start,
                    static_cast<size_t>(lkl_kernel_bss_end - lkl_kernel_data_start));
  lkl_kernel_setup(&calls_);
  int error = minder_.start();
  if (error == 0) error = start_executor();
  if (error == 0) {
    std::array<std::byte, LKL_SEED_SIZE> seed;
    if (host::random_bytes(seed)) lkl_kernel_seed(seed.data());
    if (ThreadRecord* const self = attach(number_)) {
      self->inside = 1;
      [[maybe_unused]] const InKernel scope;
      error = lkl_kernel_boot(self, command_line);
      self->inside = 0;
    } else {
      error = -LKL_ENOMEM;
    }
  }
  if (error == 0) {
    booted_.store(true);
    minder_.wake_up(executor_record_);
    return 0;
  }
  lkl_kernel_kill();
  stop_threads();
  return error;
}

Phase Instance::phase() const {
  if (!lkl_kernel_is_dead()) return phase_.load();
  hear_from_kernel();
  return Phase::kDead;
}

void Instance::close() {
  Registry& registry = Registry::get();
  registry.close_calls();
  // said first, then looked: a thread that calls says that it is inside first
  registry.for_each_record(number_,
                           [](ThreadRecord& record) { std::atomic_ref(record.retired).store(1); });
  registry.for_each_record(number_, [](ThreadRecord& record) {
    while (std::atomic_ref(record.inside).load()) host::sleep_ns(kPollNs);
  });
  appointments_->stop();
  stop_threads();
}

void Instance::print(const char* text, size_t length) const {
  const host::Unnoticed scope;
  if (muted_.load() || Registry::get().printer.print(text, length) || !ops_.print) return;
  if (!call_application("the print operation", [&] { ops_.print(text, static_cast<int>(length)); }))
    host::print(text, length);
}

// ---- the executor ----

int Instance::start_executor() {
  stop_.store(false);
  executor_record_.reset();
  return executor_.start(
      "lkl-executor", [](void* self) { static_cast<Instance*>(self)->run_executor(); }, this);
}

void Instance::run_executor() {
  const auto execute = [this] {
    [[maybe_unused]] const InKernel scope;
    return lkl_kernel_execute(&executor_record_);
  };
  bool goes_on;
  do {
    goes_on = execute() && !stop_.load();
    // a boot uses a lot of it, once
    if (booted_.exchange(false)) host::unmap_program(lkl_kernel_data_start);
  } while (goes_on);
}

void Instance::executor_wait() {
  if (executor_gate_.closed())
    executor_gate_.park();
  else if (!loop_->postponed().settle())
    minder_.wait_for_work(executor_record_);
}

void Instance::stop_threads() {
  stop_.store(true);
  minder_.wake_up(executor_record_);
  executor_.join();
  minder_.stop();
}

// ---- what the kernel asks ----

// On a kernel stack with the CPU held, perhaps while another thread waits to fork: no lock.
void Instance::on_halted() {
  Registry::get().for_each_record(number_,
                                  [this](ThreadRecord& record) { minder_.wake_up(record); });
  minder_.wake_up(executor_record_);
  minder_.look();
  granted_.store(1);
  host::wake_one(granted_);
}

void* Instance::allocate(uint64_t size, uint64_t align) {
  void* base = host::reserve_memory(size, align);
  if (base) {
    blocks_.push_back({base, size});
    kernel_has_memory(base, size);
  }
  return base;
}

void Instance::write_register(uint64_t address, uint64_t value, unsigned size,
                              lkl_host_thread* waiter) {
  EventLoop::Batch batch(*loop_);
  bus_.write(address, value, size);
  if (!waiter || waiter->kept_io) return;
  ThreadRecord& record = record_of(waiter);
  record.kept = batch.keep();
  record.kept_io = record.kept != nullptr;
}

// ---- fork ----

// The copy must be taken while no other thread is in the middle of anything: the
// CPU is held by nobody's kernel code, no device request is in flight, the threads of
// the library wait.
void Instance::hold_still() {
  held_ = running() && lkl_kernel_hold();
  granted_.store(0);
  executor_gate_.close();
  if (held_) {
    minder_.wake_up(executor_record_);
    executor_gate_.wait_parked();
  }
}

void Instance::fork_prepare() {
  disks_->lock();
  nics_->lock();
  appointments_->lock();
  watches_->lock();
  hold_still();
  minder_.pause();
  loop_->quiesce();
  const std::lock_guard lock(fork_mutex_);
  forker_ = host::thread_id();
  asleep_ = 0;
  forks_ = true;
  if (held_) mappable_.fork_prepare();
}

// By the minder, from time to time while it is held. Between our handlers the thread that forks
// waits for locks: the allocator's, those of other handlers. Who has one may be in a call, and that
// waits for the kernel to go on. So it does, for a while.
//
// A copy that is taken meanwhile is of no use, and the child must find that out: it is not being
// taken when the thread is found asleep, after it was said that the kernel goes on, and before it
// is said that it stands still again.
void Instance::lend() {
  constexpr uint64_t kForNs = 5'000'000;
  // So long it may just wait for who has a lock and no processor: that is no reason.
  constexpr unsigned kLooks = 10;
  const std::lock_guard lock(fork_mutex_);
  if (!forks_) return;
  asleep_ = host::sleeps(forker_) ? asleep_ + 1 : 0;
  if (asleep_ < kLooks) return;
  if (!minder_.lent()) {
    minder_.lend(true);
    if (host::sleeps(forker_)) {
      executor_gate_.open();
      if (held_) lkl_kernel_unhold();
      minder_.mind_for(kForNs);
      hold_still();
      loop_->quiesce();
    }
  }
  if (host::sleeps(forker_)) minder_.lend(false);
}

void Instance::fork_parent(Copiers* copiers) {
  {
    const std::lock_guard lock(fork_mutex_);
    forks_ = false;
    minder_.lend(false);
  }
  // the child copies what is to stand still
  mappable_.fork_parent(copiers);
  minder_.resume();
  executor_gate_.open();
  if (held_) lkl_kernel_unhold();
  watches_->unlock();
  appointments_->unlock();
  nics_->unlock();
  disks_->unlock();
}

void Instance::fork_child() {
  std::construct_at(&fork_mutex_);
  forks_ = false;
  disks_->after_fork_child();
  nics_->after_fork_child();
  appointments_->after_fork_child();
  watches_->after_fork_child();
  if (minder_.lent()) {
    host::print(
        "lkl: another thread held up a fork, and was in a call when it was through: the kernel in "
        "the child is dead\n");
    child_without_kernel();
    return;
  }
  const bool has_memory = held_ && mappable_.fork_child();
  if (!held_) mappable_.fork_child_without();
  executor_.fork_forget();
  executor_gate_.open();
  int error = minder_.after_fork_child();
  leave_calls_of_others();
  if (held_ && !has_memory) error = -LKL_ENOMEM;
  if (!held_) {
    if (error) lkl_kernel_kill();
    return;
  }
  const ThreadRecord* const self = host::current_thread().record;
  Registry::get().for_each_record(number_, [self](ThreadRecord& record) {
    if (record.in_use.load() && &record != self) lkl_kernel_orphan(&record);
  });
  // what has run before is for the parent to tell
  Coverage::reset();
  if (error == 0) error = start_executor();
  if (error) {
    host::print(
        "lkl: the host has no thread, descriptor or memory for the kernel in the child of a "
        "fork: it is dead\n");
    lkl_kernel_kill();
    return;
  }
  lkl_kernel_unhold();
  // or parent and child would go on with the same keys
  reseed();
}

void Instance::reseed() {
  std::array<std::byte, LKL_SEED_SIZE> seed;
  if (host::random_bytes(seed))
    call_kernel(number_, LKL_NR_SEED, reinterpret_cast<uint64_t>(seed.data()), seed.size());
}

void Instance::fork_child_alone() {
  std::construct_at(&fork_mutex_);
  child_without_kernel();
}

void Instance::child_without_kernel() {
  mappable_.fork_child_without();
  lkl_kernel_kill();
  executor_.fork_forget();
  minder_.forget();
  leave_calls_of_others();
}

// Threads that are no more will not: who cleans up would wait for them.
void Instance::leave_calls_of_others() {
  const ThreadRecord* const self = host::current_thread().record;
  Registry::get().for_each_record(number_, [self](ThreadRecord& record) {
    if (&record != self) record.inside = 0;
  });
}

}  // namespace lkl::host
