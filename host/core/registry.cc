// SPDX-License-Identifier: GPL-2.0
#include "core/registry.h"

#include <algorithm>
#include <new>

#include "core/instance.h"
#include "host.h"

namespace lkl::host {
namespace {

constexpr unsigned kRecordsAtOnce = 64;

// One whose thread did not survive a fork, and whose task is through: it is in use no more,
// which is said by the one thread that finds it so.
void free_if_left_over(ThreadRecord& record) {
  uint32_t state = std::atomic_ref(record.state).load();
  const uint32_t phase = state & LKL_REQ_PHASE;
  if (!(state & LKL_REQ_ORPHAN) || (state & (LKL_REQ_QUEUED | LKL_REQ_SPAWNING)) ||
      (phase != LKL_REQ_DONE && phase != LKL_REQ_IDLE) || record.task)
    return;
  if (std::atomic_ref(record.state).compare_exchange_strong(state, LKL_REQ_IDLE))
    record.in_use.store(false);
}

}  // namespace

void ThreadRecord::reset() {
  // others may be looking at the state (claim_record())
  std::atomic_ref(state).store(LKL_REQ_IDLE);
  lkl_host_thread& seam = *this;
  auto* const bytes = reinterpret_cast<std::byte*>(&seam);
  constexpr size_t kState = offsetof(lkl_host_thread, state), kBehind = kState + sizeof state;
  std::fill_n(bytes, kState, std::byte{0});
  std::fill_n(bytes + kBehind, sizeof seam - kBehind, std::byte{0});
  woken.store(0);
  where.store(kAwake);
  kept = nullptr;
}

Registry& Registry::get() {
  // never destroyed: threads may end later than main()
  alignas(Registry) static std::byte room[sizeof(Registry)];
  static Registry* const registry = ::new (room) Registry;
  return *registry;
}

// ---- records ----

ThreadRecord* Registry::claim_record(uint64_t kernel) {
  for (;;) {
    for (ThreadRecord* record = records_.load(); record; record = record->next_record) {
      const bool same_kernel = record->kernel.load() == kernel;
      if (same_kernel) free_if_left_over(*record);
      if (record->in_use.load()) continue;
      // one that is still on the kernel's list is looked at once more (host_ops.h)
      if (same_kernel && (std::atomic_ref(record->state).load() & LKL_REQ_QUEUED)) continue;
      bool free = false;
      if (record->in_use.compare_exchange_strong(free, true)) return record;
    }
    // No malloc: the thread may be in it, and this its signal handler.
    auto* const block = static_cast<ThreadRecord*>(
        host::reserve_memory((kRecordsAtOnce * sizeof(ThreadRecord) + 4095) & ~size_t{4095}, 4096));
    if (!block) return nullptr;
    for (unsigned i = 0; i < kRecordsAtOnce; ++i) {
      ThreadRecord* const record = ::new (block + i) ThreadRecord{};
      record->next_record = records_.load();
      while (!records_.compare_exchange_weak(record->next_record, record)) {
      }
    }
  }
}

// ---- calls ----

void Registry::open_calls(uint64_t kernel) {
  open_.store(kernel);
  direct_.store(traced_ ? 0 : kernel);
}

void Registry::close_calls() {
  direct_.store(0);
  open_.store(0);
}

// ---- the instance ----

Registry::Use::Use() {
  Registry& registry = get();
  const std::lock_guard lock(registry.mutex_);
  if (!registry.instance_ || registry.cleaning_) return;
  instance_ = registry.instance_.get();
  ++registry.users_;
}

Registry::Use::~Use() {
  if (!instance_) return;
  Registry& registry = get();
  const std::lock_guard lock(registry.mutex_);
  --registry.users_;
  registry.changed_.notify_all();
}

bool Registry::put(const lkl_host_operations& ops, std::unique_ptr<EventLoop> loop, bool traced) {
  const std::lock_guard lock(mutex_);
  if (instance_) return false;
  image.reset();
  instance_ = std::make_unique<Instance>(++last_number_, ops, std::move(loop));
  traced_ = traced;
  exists_.store(true);
  return true;
}

// Calls are open from the boot to the cleanup; in between it may die.
bool Registry::is_running() {
  return open_.load() != 0 && !lkl_kernel_is_dead();
}

Instance* Registry::begin_cleanup() {
  std::unique_lock lock(mutex_);
  if (!instance_ || cleaning_) return nullptr;
  cleaning_ = true;
  changed_.wait(lock, [this] { return !changing_; });
  return instance_.get();
}

void Registry::end_cleanup() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return users_ == 0; });
  lock.unlock();
  // what threads on their way out of a call print may come back here
  instance_->close();
  lock.lock();
  // Nobody boots another one before this one is gone: the kernel object is there once.
  instance_.reset();
  exists_.store(false);
  cleaning_ = false;
  changed_.notify_all();
}

bool Registry::change_phase(Instance& instance, Phase from, Phase to) {
  const std::lock_guard lock(mutex_);
  const bool changed = instance.change_phase(from, to);
  if (to == Phase::kRunning)
    changing_ = false;
  else if (changed)
    changing_ = true;
  changed_.notify_all();
  return changed;
}

void Registry::change_ended() {
  const std::lock_guard lock(mutex_);
  changing_ = false;
  changed_.notify_all();
}

void Registry::wait_for_change() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !changing_; });
}

// ---- fork ----

// The copy must be taken while no other thread is in the middle of anything.
void Registry::fork_prepare() {
  // A signal handler inside a call or another function, or what a boot prints to: this thread has
  // what it would wait for.
  host::CurrentThread& me = host::current_thread();
  const bool in_call = me.attaching || me.in_library > 0 || (me.record && me.record->inside);
  me.forks_alone = in_call || on_fork == LKL_ON_FORK_LEAVE;
  if (me.forks_alone) return;

  const host::Unnoticed scope;
  forks_.lock();
  std::unique_lock lock(mutex_);
  const auto is_settled = [this] { return !cleaning_ && !changing_; };
  changed_.wait(lock, is_settled);
  if (instance_ && instance_->is_copied_for_child()) {
    // not while anything is held that a call waits for: see there
    lock.unlock();
    std::unique_ptr<host::Copiers> copiers(new (std::nothrow) host::Copiers);
    lock.lock();
    changed_.wait(lock, is_settled);
    copiers_ = std::move(copiers);
  }
  if (instance_) instance_->fork_prepare();
  (void)lock.release();  // the mutex stays locked
}

void Registry::fork_parent() {
  if (host::current_thread().forks_alone) return;
  if (instance_) instance_->fork_parent(copiers_.get());
  mutex_.unlock();
  copiers_.reset();
  forks_.unlock();
}

void Registry::fork_child() {
  // of threads that are no more
  std::construct_at(&forks_);
  std::construct_at(&mutex_);
  std::construct_at(&changed_);
  printer.after_fork_child();
  if (copiers_) copiers_->fork_forget();
  users_ = 0;
  cleaning_ = false;
  changing_ = false;
  if (!instance_) return;
  if (host::current_thread().forks_alone)
    instance_->fork_child_alone();
  else
    instance_->fork_child();
}

}  // namespace lkl::host
