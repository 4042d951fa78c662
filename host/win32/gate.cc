// SPDX-License-Identifier: GPL-2.0
// Between the kernel and the host: what Windows wants of who runs on a stack that is not the
// thread's.
//
// In its block of each thread (the TEB) Windows keeps where the thread's stack is. What looks
// there: who dispatches exceptions (a frame that is not within ends the process), __chkstk() of
// functions with large frames, the one who lets stacks grow, debuggers. Kernel code itself asks
// none of them. So the bounds are those of the kernel stack while the kernel calls the host on one,
// and no others need to be changed: system calls cost nothing for it.
//
// The build has given the kernel's own functions of these names a "bare" before
// (kernel_object.cmake).
#include <windows.h>

#include <string_view>

#include "asm/host_debug.h"
#include "asm/host_memory.h"
#include "asm/host_ops.h"

extern "C" {
LKL_ABI void bare_lkl_kernel_setup(const lkl_host_calls* calls);
LKL_ABI void bare_lkl_kernel_debug_calls(const lkl_debug_calls* calls);
LKL_ABI void bare_lkl_kernel_memory_calls(const lkl_memory_calls* calls);
}

namespace {

// Offsets in the TEB (winternl.h has them by name, but for the last).
constexpr unsigned kExceptionList = 0x00, kStackBase = 0x08, kStackLimit = 0x10,
                   kDeallocationStack = 0x1478;
constexpr uint64_t kPage = 4096, kEndOfList = UINT64_MAX;

constinit uint64_t stack_size = 0;

// The bounds of the kernel stack that this object is on, as long as it is there. On a stack of the
// thread's own nothing.
class Bounds final {
 public:
  Bounds() {
    const auto here = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
    base_ = __readgsqword(kStackBase);
    start_ = __readgsqword(kDeallocationStack);
    is_own_ = here - start_ < base_ - start_;
    if (is_own_) return;
    limit_ = __readgsqword(kStackLimit);
    const uint64_t start = here & ~(stack_size - 1);
    __writegsqword(kStackBase, start + stack_size);
    // the guard page is the second one
    __writegsqword(kStackLimit, start + 2 * kPage);
    __writegsqword(kDeallocationStack, start);
    // wine's: handlers on the thread's own stack, taken for inner ones if they are at lower
    // addresses
    list_ = __readgsqword(kExceptionList);
    __writegsqword(kExceptionList, kEndOfList);
  }
  ~Bounds() {
    if (is_own_) return;
    __writegsqword(kStackBase, base_);
    __writegsqword(kStackLimit, limit_);
    __writegsqword(kDeallocationStack, start_);
    __writegsqword(kExceptionList, list_);
  }
  Bounds(const Bounds&) = delete;
  Bounds& operator=(const Bounds&) = delete;

 private:
  uint64_t base_, limit_, start_, list_;
  bool is_own_;
};

// What the host has given: called with the right bounds by what the kernel is given.
const lkl_host_calls* host_calls;
const lkl_debug_calls* debug_calls;
const lkl_memory_calls* memory_calls;

// (Types of functions lose their ABI as arguments of templates.)
#define GATE_TO(calls, Result, gate, name, parameters, arguments) \
  LKL_ABI Result gate parameters {                                \
    [[maybe_unused]] const Bounds scope;                          \
    return calls->name arguments;                                 \
  }
#define GATE(Result, name, parameters, arguments) \
  GATE_TO(host_calls, Result, name, name, parameters, arguments)
#define MEMORY_GATE(Result, name, parameters, arguments) \
  GATE_TO(memory_calls, Result, memory_##name, name, parameters, arguments)
#define DEBUG_GATE(Result, name, parameters, arguments) \
  GATE_TO(debug_calls, Result, name, name, parameters, arguments)

namespace gates {

using Thread = lkl_host_thread;

GATE(void, print, (void* i, const char* text, int length), (i, text, length))
GATE(void, panic, (void* i), (i))
GATE(void, halted, (void* i), (i))
GATE(void*, mem_alloc, (void* i, lkl_u64 size, lkl_u64 align), (i, size, align))
GATE(void, mem_discard, (void* i, void* base, lkl_u64 size), (i, base, size))
GATE(void, mem_register, (void* i, void* base, lkl_u64 phys, lkl_u64 size), (i, base, phys, size))
GATE(lkl_u64, time, (void* i), (i))
GATE(lkl_u64, realtime, (void* i), (i))
GATE(void, wait, (void* i, Thread* self), (i, self))
GATE(void, wake, (void* i, Thread* thread), (i, thread))
GATE(void, nap, (void* i, lkl_u64 ns), (i, ns))
GATE(void, kept_io_do, (void* i, Thread* self), (i, self))
GATE(void, kept_io_pass_on, (void* i, Thread* self), (i, self))
GATE(void, executor_wait, (void* i), (i))
GATE(void, executor_kick, (void* i), (i))
GATE(void, mind, (void* i), (i))
GATE(void, hold_wait, (void* i), (i))
GATE(void, granted, (void* i), (i))
GATE(lkl_u64, mmio_read, (void* i, lkl_u64 address, unsigned size), (i, address, size))
GATE(void, mmio_write, (void* i, lkl_u64 address, lkl_u64 value, unsigned size, Thread* waiter),
     (i, address, value, size, waiter))
GATE(void, stack_on, (void* i, void* base, lkl_u64 size), (i, base, size))
GATE(void, stack_off, (void* i, void* base, lkl_u64 size), (i, base, size))

MEMORY_GATE(void, populate, (void* i, void* base, lkl_u64 size, int for_good),
            (i, base, size, for_good))
MEMORY_GATE(void*, alloc, (void* i, lkl_u64 size, lkl_u64 align), (i, size, align))
MEMORY_GATE(void*, never_map, (void* i, void* base, lkl_u64 size), (i, base, size))
MEMORY_GATE(void*, window, (void* i, lkl_u64 size, lkl_u64 align), (i, size, align))
MEMORY_GATE(int, map, (void* i, void* at, void* base, lkl_u64 size, int access),
            (i, at, base, size, access))
MEMORY_GATE(int, unmap, (void* i, void* at, lkl_u64 size), (i, at, size))

DEBUG_GATE(int, backtrace, (lkl_u64 * addresses, int max), (addresses, max))
DEBUG_GATE(int, name, (lkl_u64 address, char* text, int size), (address, text, size))
DEBUG_GATE(void, no_content, (void* base, lkl_u64 size), (base, size))

}  // namespace gates

uint64_t debug_value(std::string_view name) {
  for (const lkl_debug_value* value = lkl_kernel_debug; value->name[0]; ++value)
    if (name == value->name) return value->value;
  return 0;
}

}  // namespace

void lkl_kernel_setup(const lkl_host_calls* calls) {
  static lkl_host_calls gated;
  stack_size = debug_value("thread_size");
  host_calls = calls;
  gated = {
      .instance = calls->instance,
      .print = gates::print,
      .panic = gates::panic,
      .halted = gates::halted,
      .mem_alloc = gates::mem_alloc,
      .mem_discard = gates::mem_discard,
      .mem_register = gates::mem_register,
      .time = gates::time,
      .realtime = gates::realtime,
      .wait = gates::wait,
      .wake = gates::wake,
      .nap = gates::nap,
      .kept_io_do = gates::kept_io_do,
      .kept_io_pass_on = gates::kept_io_pass_on,
      .executor_wait = gates::executor_wait,
      .executor_kick = gates::executor_kick,
      .mind = gates::mind,
      .hold_wait = gates::hold_wait,
      .granted = gates::granted,
      .mmio_read = gates::mmio_read,
      .mmio_write = gates::mmio_write,
      .stack_on = gates::stack_on,
      .stack_off = gates::stack_off,
      .may_spin = calls->may_spin,
      .cycles_are_stable = calls->cycles_are_stable,
  };
  bare_lkl_kernel_setup(&gated);
}

void lkl_kernel_debug_calls(const lkl_debug_calls* calls) {
  static constexpr lkl_debug_calls kGated = {
      .backtrace = gates::backtrace, .name = gates::name, .no_content = gates::no_content};
  debug_calls = calls;
  bare_lkl_kernel_debug_calls(&kGated);
}

void lkl_kernel_memory_calls(const lkl_memory_calls* calls) {
  static lkl_memory_calls gated;
  memory_calls = calls;
  gated = {
      .instance = calls->instance,
      .populate = gates::memory_populate,
      .alloc = gates::memory_alloc,
      .never_map = gates::memory_never_map,
      .window = gates::memory_window,
      .map = gates::memory_map,
      .unmap = gates::memory_unmap,
  };
  bare_lkl_kernel_memory_calls(&gated);
}
