// SPDX-License-Identifier: GPL-2.0
// The functions behind host_ops.h. They run on kernel stacks: thin.
#include "core/host_calls.h"

#include <cstdlib>

#include "annotate.h"
#include "core/application.h"
#include "core/instance.h"
#include "core/on_panic.h"
#include "lkl_host.h"

namespace lkl::host {

struct HostCalls {
  static Instance& of(void* instance) { return *static_cast<Instance*>(instance); }

  static void print(void* instance, const char* text, int length) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).print(text, length);
  }
  // Returns if the process is to go on without this kernel.
  static void panic(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    if (on_panic() == LKL_ON_PANIC_ERROR) return;
    if (on_panic() == LKL_ON_PANIC_WAIT) host::wait_for_debugger();
    if (const auto operation = of(instance).ops_.panic)
      call_application("the panic operation", operation);
    std::abort();
  }
  static void halted(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).on_halted();
  }
  static void* mem_alloc(void* instance, lkl_u64 size, lkl_u64 align) {
    [[maybe_unused]] const FromKernel scope;
    return of(instance).allocate(size, align);
  }
  static void mem_discard(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    const MappableMemory& mappable = of(instance).mappable_;
    if (mappable.has(base))
      mappable.discard(base, size);
    else
      host::discard_memory(base, size);
  }
  static void mem_register(void* instance, void* base, lkl_u64 phys, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).memory_.set_range(phys, base, size);
  }
  static lkl_u64 time(void*) {
    [[maybe_unused]] const FromKernel scope;
    return host::monotonic_ns();
  }
  static lkl_u64 realtime(void*) {
    [[maybe_unused]] const FromKernel scope;
    return host::realtime_ns();
  }
  static void wait(void* instance, lkl_host_thread* self) {
    const host::Unnoticed unnoticed;
    of(instance).minder_.wait(record_of(self));
  }
  static void wake(void* instance, lkl_host_thread* thread) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).minder_.wake_up(record_of(thread));
  }
  static void nap(void*, lkl_u64 ns) {
    const host::Unnoticed unnoticed;
    host::sleep_ns(ns);
  }
  static void kept_io_do(void* instance, lkl_host_thread* self) {
    hear_from_kernel();
    of(instance).loop_->perform(take_kept(record_of(self)));
  }
  static void kept_io_pass_on(void* instance, lkl_host_thread* self) {
    [[maybe_unused]] const FromKernel scope;
    hear_from_kernel();
    const host::Unnoticed unnoticed;
    of(instance).loop_->pass_on(take_kept(record_of(self)));
  }
  static void executor_wait(void* instance) { of(instance).executor_wait(); }
  static void executor_kick(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).minder_.wake_up(of(instance).executor_record_);
  }
  static void mind(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    of(instance).minder_.look();
  }
  static void hold_wait(void* instance) {
    host::wait_on(of(instance).granted_, 0, UINT64_MAX);
    of(instance).granted_.store(0);
  }
  static void granted(void* instance) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).granted_.store(1);
    host::wake_one(of(instance).granted_);
  }
  static lkl_u64 mmio_read(void* instance, lkl_u64 address, unsigned size) {
    [[maybe_unused]] const FromKernel scope;
    return of(instance).bus_.read(address, size);
  }
  static void mmio_write(void* instance, lkl_u64 address, lkl_u64 value, unsigned size,
                         lkl_host_thread* waiter) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).write_register(address, value, size, waiter);
  }
  static void stack_on(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).mappable_.remember_guard(base, true);
    host::stack_on(base, size);
  }
  static void stack_off(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    of(instance).mappable_.remember_guard(base, false);
    host::stack_off(base, size);
  }

  static void populate(void*, void* base, lkl_u64 size, int for_good) {
    if (for_good) host::prefer_huge_pages(base, size);
    host::populate_memory(base, size);
  }
  static void* mappable_alloc(void* instance, lkl_u64 size, lkl_u64 align) {
    void* const base = of(instance).mappable_.allocate(size, align);
    if (base) kernel_has_memory(base, size);
    return base;
  }
  static void* never_map(void* instance, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.never_map(base, size) ? base : nullptr;
  }
  static void* window(void* instance, lkl_u64 size, lkl_u64 align) {
    return of(instance).mappable_.window(size, align);
  }
  static int map(void* instance, void* at, void* base, lkl_u64 size, int access) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.map(at, base, size, access) ? 0 : -1;
  }
  static int lend(void* instance, void* at, void* base, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.lend(at, base, size) ? 0 : -1;
  }
  static int take_back(void* instance, void* at, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return of(instance).mappable_.take_back(at, size) ? 0 : -1;
  }
  static int unmap(void*, void* at, lkl_u64 size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return MappableMemory::unmap(at, size) ? 0 : -1;
  }

  static int backtrace(lkl_u64* addresses, int max) {
    [[maybe_unused]] const FromKernel scope;
    static_assert(sizeof(lkl_u64) == sizeof(uint64_t));
    return host::backtrace(reinterpret_cast<uint64_t*>(addresses), max);
  }
  static int name(lkl_u64 address, char* text, int size) {
    [[maybe_unused]] const FromKernel scope;
    const host::Unnoticed unnoticed;
    return host::name_address(address, text, size);
  }
  static void no_content(void* base, lkl_u64 size) { host::memory_has_no_content(base, size); }

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
      .nap = HostCalls::nap,
      .kept_io_do = HostCalls::kept_io_do,
      .kept_io_pass_on = HostCalls::kept_io_pass_on,
      .executor_wait = HostCalls::executor_wait,
      .executor_kick = HostCalls::executor_kick,
      .mind = HostCalls::mind,
      .hold_wait = HostCalls::hold_wait,
      .granted = HostCalls::granted,
      .mmio_read = HostCalls::mmio_read,
      .mmio_write = HostCalls::mmio_write,
      .stack_on = HostCalls::stack_on,
      .stack_off = HostCalls::stack_off,
      .may_spin = host::processors() > 1,
      .cycles_are_stable = host::cycles_are_stable(),
  };
}

lkl_memory_calls make_memory_calls(Instance& instance) {
  return {
      .instance = &instance,
      .populate = HostCalls::populate,
      .alloc = HostCalls::mappable_alloc,
      .never_map = HostCalls::never_map,
      .window = HostCalls::window,
      .map = HostCalls::map,
      .unmap = HostCalls::unmap,
      .lend = HostCalls::lend,
      .take_back = HostCalls::take_back,
  };
}

const lkl_debug_calls debug_calls = {
    .backtrace = HostCalls::backtrace,
    .name = HostCalls::name,
    .no_content = HostCalls::no_content,
};

}  // namespace lkl::host
