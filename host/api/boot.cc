// SPDX-License-Identifier: GPL-2.0
// The life of the kernel: lkl_init() to lkl_cleanup(), and calls by number.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "api/disk.h"
#include "api/trace.h"
#include "core/coverage.h"
#include "core/instance.h"
#include "core/on_panic.h"
#include "lkl.h"

extern "C" lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d,
                                 lkl_long e, lkl_long f);

using lkl::Instance;

namespace {

void default_print(const char* text, int length) {
  lkl::host::print(text, length);
}

void fork_prepare() {
  if (Instance* instance = Instance::get(); instance && instance->running())
    instance->fork_prepare();
}

void fork_parent() {
  if (Instance* instance = Instance::get(); instance && instance->running())
    instance->fork_parent();
}

void fork_child() {
  if (Instance* instance = Instance::get(); instance && instance->running()) instance->fork_child();
}

void thread_exits(lkl_host_thread* thread, uint64_t owner) {
  // The record of an instance that is no more went with it.
  if (Instance* instance = Instance::get(); instance && instance->number() == owner)
    instance->thread_exits(thread);
}

// What the process is told once, however often a kernel is booted.
void register_with_process() {
  static const bool registered = [] {
    lkl::host::on_thread_exit(thread_exits);
    lkl::host::on_fork(fork_prepare, fork_parent, fork_child);
    // for who ends without lkl_cleanup()
    std::atexit([] {
      if (Instance::get()) lkl::Coverage::write_by_environment();
    });
    return true;
  }();
  (void)registered;
}

}  // namespace

lkl_host_operations lkl_host_ops = {.print = default_print, .panic = nullptr};

int lkl_init(lkl_host_operations* ops) {
  if (!ops) return -LKL_EINVAL;
  if (Instance::get()) return -LKL_EBUSY;
  if (const int error = lkl::read_on_panic()) return error;
  const int traced = lkl::start_trace();
  if (traced < 0) return traced;
  register_with_process();
  try {
    Instance::set(new Instance(*ops), traced != 0);
  } catch (const std::bad_alloc&) {
    return -LKL_ENOMEM;
  }
  lkl::host::install_fault_handler();
  return 0;
}

int lkl_start_kernel(const char* cmd_fmt, ...) {
  Instance* instance = Instance::get();
  if (!instance) return -LKL_EINVAL;
  // what has panicked while it booted can't be booted once more
  if (instance->booted() || instance->halted()) return -LKL_EBUSY;

  char command_line[2048];
  va_list args;
  va_start(args, cmd_fmt);
  const int length = std::vsnprintf(command_line, sizeof command_line, cmd_fmt, args);
  va_end(args);
  if (length < 0 || static_cast<size_t>(length) >= sizeof command_line) return -LKL_E2BIG;

  if (const int error = instance->boot(command_line)) return error;
  return instance->disks().connect_all();
}

int lkl_is_running() {
  const Instance* instance = Instance::get();
  return instance && instance->running();
}

lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d, lkl_long e,
                      lkl_long f) {
  Instance* instance = Instance::direct();
  if (!instance) [[unlikely]] {
    instance = Instance::get();
    if (!instance) return -LKL_ENODEV;
    return lkl::traced_call(
        *instance, nr,
        {static_cast<uint64_t>(a), static_cast<uint64_t>(b), static_cast<uint64_t>(c),
         static_cast<uint64_t>(d), static_cast<uint64_t>(e), static_cast<uint64_t>(f)});
  }
  return instance->call(nr, a, b, c, d, e, f);
}

lkl_long lkl_syscall(lkl_long no, lkl_long* params) {
  // Numbers beyond the table are for this library.
  if (no < 0 || no >= LKL_NR_PRIVATE) return -LKL_ENOSYS;
  return lkl_syscall6(no, params[0], params[1], params[2], params[3], params[4], params[5]);
}

int lkl_fuzz_counters(unsigned char* counters, unsigned int number) {
  return static_cast<int>(lkl_syscall6(LKL_NR_FUZZ_COUNTERS, reinterpret_cast<lkl_long>(counters),
                                       static_cast<lkl_long>(number), 0, 0, 0, 0));
}

lkl_long lkl_sys_halt() {
  if (!lkl_is_running()) return -LKL_ENODEV;
  lkl_sys_sync();
  Instance::get()->mute();
  // It does not return into the caller's task: the answer is that of a dead kernel.
  const lkl_long error = lkl_syscall6(LKL_NR_HALT, 0, 0, 0, 0, 0, 0);
  return lkl_is_running() ? error : 0;
}

void lkl_cleanup() {
  Instance* instance = Instance::get();
  if (!instance) return;
  if (instance->running()) lkl_sys_halt();
  lkl::host::remove_fault_handler();
  delete instance;
  Instance::set(nullptr);
  lkl::stop_trace();
  lkl::Coverage::write_by_environment();
}

int lkl_coverage_write(const char* folder) {
  if (!folder || !*folder) return -LKL_EINVAL;
  if (!lkl::Coverage::built()) return -LKL_ENOSYS;
  return lkl::Coverage::write(folder);
}
