// SPDX-License-Identifier: GPL-2.0
#include "core/watches.h"

#include <atomic>
#include <memory>
#include <utility>

#include "annotate.h"
#include "core/calls.h"
#include "core/instance.h"
#include "host.h"
#include "lkl.h"

namespace lkl::host {

Watches::~Watches() {
  for (Entry& entry : entries_)
    if (!std::atomic_ref(entry.ended).load()) instance_.loop().cancel(entry.watch);
  if (irq_ >= 0) instance_.bus().free_irq(static_cast<unsigned>(irq_));
}

int Watches::take_irq() {
  if (irq_ < 0) irq_ = instance_.bus().allocate_irq();
  return irq_;
}

int Watches::create(int fd, short events, int flags) {
  if (const int error = host::check_watchable(fd)) return error;
  Entry* entry = nullptr;
  int irq = 0;
  {
    const std::lock_guard lock(mutex_);
    entries_.remove_if([](Entry& old) { return std::atomic_ref(old.ended).load(); });
    irq = take_irq();
    if (irq < 0) return -LKL_EBUSY;
    entry = &entries_.emplace_back();
    entry->irq = static_cast<unsigned>(irq);
    entry->watch = {.fd = fd, .events = events, .handler = entry};
  }
  const int64_t result =
      call_kernel(instance_.number(), LKL_NR_WATCH_CREATE, reinterpret_cast<uint64_t>(entry),
                  static_cast<uint64_t>(irq), static_cast<uint64_t>(flags));
  // the kernel has said so already, unless it has never heard of it
  if (result < 0) std::atomic_ref(entry->ended).store(true);
  return static_cast<int>(result);
}

void Watches::begin(Entry& entry, void* kernel) {
  // Once: who has told it something may not have left it yet.
  if (entry.kernel == nullptr) entry.kernel = kernel;
  entry.asked.fetch_add(1, std::memory_order_relaxed);
  instance_.loop().watch(entry.watch);
}

// Its memory stays a while: this is no place to give back any.
void Watches::end(Entry& entry) {
  instance_.loop().cancel(entry.watch);
  std::atomic_ref(entry.ended).store(true);
}

void Watches::Entry::ready(short events) {
  tell_kernel();
  lkl_kernel_watch_ready(kernel, static_cast<lkl_u32>(static_cast<unsigned short>(events)));
  lkl_kernel_raise(irq);
}

ReadyHandler::Attention Watches::Entry::attention() {
  const unsigned now = asked.load(std::memory_order_relaxed);
  return std::exchange(asked_before, now) == now ? Attention::kCanWait : Attention::kGiven;
}

void Watches::after_fork_child() {
  std::construct_at(&mutex_);
}

}  // namespace lkl::host
