// SPDX-License-Identifier: GPL-2.0
// The functions behind host_ops.h. They run on kernel stacks: thin.
#include "core/host_calls.h"

#include <cstdlib>

#include "annotate.h"
#include "core/application.h"
#include "core/instance.h"
#include "core/on_panic.h"
#include "core/watches.h"
#include "lkl_host.h"

namespace lkl::host {
namespace {

// What the kernel calls, by its conventions. It may have no part of the function in it: where those
// are not the host's, compilers know no cleanups in such a one.
template <auto function>
struct ForKernel;
template <typename Result, typename... Arguments, Result (*function)(Arguments...)>
struct ForKernel<function> {
  LKL_ABI static Result call(Arguments... arguments) { return function(arguments...); }
};

}  // namespace

struct HostCalls {
  static Instance& of(void* instance) { return *static_cast<Instance*>(instance); }

  [[gnu::noinline]] static void print(void* instance, const char* text, int length) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).print(text, length);
  }
  // Returns if the process is to go on without this kernel.
  [[gnu::noinline]] static void panic(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    if (on_panic() == LKL_ON_PANIC_ERROR) return;
    if (on_panic() == LKL_ON_PANIC_WAIT) host::wait_for_debugger();
    if (const auto operation = of(instance).ops_.panic)
      call_application("the panic operation", operation);
    std::abort();
  }
  [[gnu::noinline]] static void halted(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).on_halted();
  }
  [[gnu::noinline]] static void* mem_alloc(void* instance, lkl_u64 size, lkl_u64 align) {
    [[maybe_unused]] const FromKernel scope;
    return of(instance).allocate(size, align);
  }
  [[gnu::noinline]] static void mem_discard(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    const MappableMemory& mappable = of(instance).mappable_;
    if (mappable.has(base))
      mappable.discard(base, size);
    else
      host::discard_memory(base, size);
  }
  [[gnu::noinline]] static void mem_register(void* instance, void* base, lkl_u64 phys,
                                             lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).memory_.set_range(phys, base, size);
  }
  [[gnu::noinline]] static lkl_u64 time(void*) {
    [[maybe_unused]] const FromKernel scope;
    return host::monotonic_ns();
  }
  [[gnu::noinline]] static lkl_u64 realtime(void*) {
    [[maybe_unused]] const FromKernel scope;
    return host::realtime_ns();
  }
  [[gnu::noinline]] static void wait(void* instance, lkl_host_thread* self) {
    const host::Unnoticed unnoticed;
    of(instance).minder_.wait(record_of(self));
  }
  [[gnu::noinline]] static void wake(void* instance, lkl_host_thread* thread) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).minder_.wake_up(record_of(thread));
  }
  [[gnu::noinline]] static void nap(void*, lkl_u64 ns) {
    const host::Unnoticed unnoticed;
    host::sleep_ns(ns);
  }
  [[gnu::noinline]] static void kept_io_do(void* instance, lkl_host_thread* self) {
    hear_from_kernel();
    of(instance).loop_->perform(take_kept(record_of(self)));
  }
  [[gnu::noinline]] static void kept_io_pass_on(void* instance, lkl_host_thread* self) {
    [[maybe_unused]] const FromKernel scope;
    hear_from_kernel();
    const host::Unnoticed unnoticed;
    of(instance).loop_->pass_on(take_kept(record_of(self)));
  }
  [[gnu::noinline]] static void executor_wait(void* instance) { of(instance).executor_wait(); }
  [[gnu::noinline]] static void executor_kick(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).minder_.wake_up(of(instance).executor_record_);
  }
  [[gnu::noinline]] static void mind(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).minder_.look();
  }
  [[gnu::noinline]] static void hold_wait(void* instance) {
    host::wait_on(of(instance).granted_, 0, UINT64_MAX);
    of(instance).granted_.store(0);
  }
  [[gnu::noinline]] static void granted(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).granted_.store(1);
    host::wake_one(of(instance).granted_);
  }
  [[gnu::noinline]] static lkl_u64 mmio_read(void* instance, lkl_u64 address, unsigned size) {
    [[maybe_unused]] const FromKernel scope;
    return of(instance).bus_.read(address, size);
  }
  [[gnu::noinline]] static void mmio_write(void* instance, lkl_u64 address, lkl_u64 value,
                                           unsigned size, lkl_host_thread* waiter) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).write_register(address, value, size, waiter);
  }
  [[gnu::noinline]] static void stack_on(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).mappable_.remember_guard(base, true);
    host::stack_on(base, size);
  }
  [[gnu::noinline]] static void stack_off(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).mappable_.remember_guard(base, false);
    host::stack_off(base, size);
  }

  [[gnu::noinline]] static void populate(void*, void* base, lkl_u64 size, int for_good) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    if (for_good) host::prefer_huge_pages(base, size);
    host::populate_memory(base, size);
  }
  [[gnu::noinline]] static void* mappable_alloc(void* instance, lkl_u64 size, lkl_u64 align) {
    void* const base = of(instance).mappable_.allocate(size, align);
    if (base) kernel_has_memory(base, size);
    return base;
  }
  [[gnu::noinline]] static void* never_map(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.never_map(base, size) ? base : nullptr;
  }
  [[gnu::noinline]] static void* window(void* instance, lkl_u64 size, lkl_u64 align) {
    return of(instance).mappable_.window(size, align);
  }
  [[gnu::noinline]] static int map(void* instance, void* at, void* base, lkl_u64 size, int access) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.map(at, base, size, access) ? 0 : -1;
  }
  [[gnu::noinline]] static int lend(void* instance, void* at, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.lend(at, base, size) ? 0 : -1;
  }
  [[gnu::noinline]] static int take_back(void* instance, void* at, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.take_back(at, size) ? 0 : -1;
  }
  [[gnu::noinline]] static void watch_begin(void* instance, void* watch, void* kernel) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).watches_->begin(*static_cast<Watches::Entry*>(watch), kernel);
  }
  [[gnu::noinline]] static void watch_end(void* instance, void* watch) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).watches_->end(*static_cast<Watches::Entry*>(watch));
  }
  [[gnu::noinline]] static int unmap(void*, void* at, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return MappableMemory::unmap(at, size) ? 0 : -1;
  }

  [[gnu::noinline]] static int backtrace(lkl_u64* addresses, int max) {
    [[maybe_unused]] const FromKernel scope;
    static_assert(sizeof(lkl_u64) == sizeof(uint64_t));
    return host::backtrace(reinterpret_cast<uint64_t*>(addresses), max);
  }
  [[gnu::noinline]] static int name(lkl_u64 address, char* text, int size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return host::name_address(address, text, size);
  }
  [[gnu::noinline]] static void no_content(void* base, lkl_u64 size) {
    host::memory_has_no_content(base, size);
  }

 private:
  static IoOperation& take_kept(ThreadRecord& record) {
    IoOperation& operation = *record.kept;
    record.kept = nullptr;
    record.kept_io = 0;
    return operation;
  }
};

lkl_host_calls make_host_calls(Instance& instance) {
  return {
      .instance = &instance,
      .print = ForKernel<HostCalls::print>::call,
      .panic = ForKernel<HostCalls::panic>::call,
      .halted = ForKernel<HostCalls::halted>::call,
      .mem_alloc = ForKernel<HostCalls::mem_alloc>::call,
      .mem_discard = ForKernel<HostCalls::mem_discard>::call,
      .mem_register = ForKernel<HostCalls::mem_register>::call,
      .time = ForKernel<HostCalls::time>::call,
      .realtime = ForKernel<HostCalls::realtime>::call,
      .wait = ForKernel<HostCalls::wait>::call,
      .wake = ForKernel<HostCalls::wake>::call,
      .nap = ForKernel<HostCalls::nap>::call,
      .kept_io_do = ForKernel<HostCalls::kept_io_do>::call,
      .kept_io_pass_on = ForKernel<HostCalls::kept_io_pass_on>::call,
      .executor_wait = ForKernel<HostCalls::executor_wait>::call,
      .executor_kick = ForKernel<HostCalls::executor_kick>::call,
      .mind = ForKernel<HostCalls::mind>::call,
      .hold_wait = ForKernel<HostCalls::hold_wait>::call,
      .granted = ForKernel<HostCalls::granted>::call,
      .mmio_read = ForKernel<HostCalls::mmio_read>::call,
      .mmio_write = ForKernel<HostCalls::mmio_write>::call,
      .stack_on = ForKernel<HostCalls::stack_on>::call,
      .stack_off = ForKernel<HostCalls::stack_off>::call,
      .may_spin = host::processors() > 1,
      .cycles_are_stable = host::cycles_are_stable(),
  };
}

lkl_memory_calls make_memory_calls(Instance& instance) {
  return {
      .instance = &instance,
      .populate = ForKernel<HostCalls::populate>::call,
      .alloc = ForKernel<HostCalls::mappable_alloc>::call,
      .never_map = ForKernel<HostCalls::never_map>::call,
      .window = ForKernel<HostCalls::window>::call,
      .map = ForKernel<HostCalls::map>::call,
      .unmap = ForKernel<HostCalls::unmap>::call,
      .lend = ForKernel<HostCalls::lend>::call,
      .take_back = ForKernel<HostCalls::take_back>::call,
  };
}

lkl_watch_calls make_watch_calls(Instance& instance) {
  return {
      .instance = &instance,
      .begin = ForKernel<HostCalls::watch_begin>::call,
      .end = ForKernel<HostCalls::watch_end>::call,
  };
}

const lkl_debug_calls debug_calls = {
    .backtrace = ForKernel<HostCalls::backtrace>::call,
    .name = ForKernel<HostCalls::name>::call,
    .no_content = ForKernel<HostCalls::no_content>::call,
};

}  // namespace lkl::host
