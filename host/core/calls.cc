// SPDX-License-Identifier: GPL-2.0
#include "core/calls.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include "asm/host_memory.h"
#include "lkl.h"
#include "mappable_memory.h"

namespace lkl::host {
namespace {

void make_call(ThreadRecord& record, int64_t nr, std::span<const lkl_u64, 6> args) {
  record.nr = nr;
  std::ranges::copy(args, record.args);
  enter_kernel(record);
}

// What a kernel does with a frame on the user stack, we do with a call. Outside of the call
// that was interrupted: the handler may make calls.
void run_handler(ThreadRecord& record) {
  // the application's: the kernel, which has only passed it on, knows no conventions but its own
  using Handler = void (*)(int number, void* info, void* context);
  const auto handler = reinterpret_cast<Handler>(record.sig_handler);
  const int number = record.sig_number;
  const lkl_u64 mask = record.sig_mask;
  auto info = std::to_array(record.sig_info);
  // last: from here on the kernel may have another one for us
  std::atomic_ref(record.sig_handler).store(nullptr, std::memory_order_release);

  std::atomic_ref(record.inside).store(0, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  handler(number, info.data(), nullptr);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::atomic_ref(record.inside).store(1, std::memory_order_relaxed);
  make_call(record, LKL_NR_SIGRETURN, std::array<lkl_u64, 6>{mask});
}

}  // namespace

int64_t finish_with_handlers(ThreadRecord& record) {
  // before a handler makes calls of its own
  const int64_t nr = record.nr;
  const auto args = std::to_array(record.args);
  int64_t result = record.ret;
  for (;;) {
    const bool again = record.again;
    record.again = 0;
    while (record.sig_handler) run_handler(record);
    if (!again) return result;
    make_call(record, nr, args);
    result = record.ret;
  }
}

ThreadRecord* attach(uint64_t kernel) {
  host::CurrentThread& me = host::current_thread();
  if (me.record && me.kernel == kernel) return me.record;
  me.attaching = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // one of a kernel that is no more will do
  ThreadRecord* const record = me.record ? me.record : Registry::get().claim_record(kernel);
  if (record) {
    record->reset();
    record->kernel.store(kernel);
    host::set_current_thread(record, kernel);
    let_faults_come();
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  me.attaching = false;
  return record;
}

ThreadRecord* ready_record(uint64_t kernel, int& error) {
  const host::CurrentThread& me = host::current_thread();
  // The record is in use by what was interrupted: do not touch it.
  if (me.attaching || (me.record && me.record->inside)) {
    error = -LKL_EDEADLK;
    return nullptr;
  }
  if (me.record && me.kernel == kernel) return me.record;
  ThreadRecord* const record = attach(kernel);
  if (!record) {
    error = -LKL_ENOMEM;
    return nullptr;
  }
  // said first, then looked: lkl_cleanup() closes first and looks for records then
  if (Registry::open_kernel() != kernel) {
    std::atomic_ref(record->retired).store(1);
    error = -LKL_ENODEV;
    return nullptr;
  }
  return record;
}

int serve_fault(uint64_t address, bool write) {
  const host::Unnoticed unnoticed;
  const uint64_t kernel = Registry::open_kernel();
  // a number is no -errno of its own
  const int64_t answer =
      kernel ? call_kernel(kernel, LKL_NR_PAGE_FAULT, address, write) : LKL_FAULT_SEGV;
  return answer >= 0 ? static_cast<int>(answer) : LKL_FAULT_SEGV;
}

void thread_exits(ThreadRecord* record) {
  if (record->inside) {
    // The kernel stack is in the middle of a call that will never go on.
    host::print(
        "lkl: a thread was ended (longjmp, pthread_exit in a signal handler) inside a system "
        "call\n");
    std::abort();
  }
  // From here on it is not this thread's for any other call: a signal handler may make one.
  host::CurrentThread& me = host::current_thread();
  me.attaching = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  me.kernel = 0;
  me.record = nullptr;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  // a kernel that is no more, or about to be, refuses
  if (record->task) call_with(*record, LKL_NR_THREAD_EXIT, 0, 0, 0, 0, 0, 0);
  Registry::get().release_record(*record);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  me.attaching = false;
}

}  // namespace lkl::host
