// SPDX-License-Identifier: GPL-2.0
// The life of the kernel: lkl_init() to lkl_cleanup(), and calls by number.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "api/trace.h"
#include "core/calls.h"
#include "core/coverage.h"
#include "core/disks.h"
#include "core/instance.h"
#include "core/nics.h"
#include "core/on_panic.h"
#include "core/registry.h"
#include "lkl.h"

extern "C" lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d,
                                 lkl_long e, lkl_long f);

using lkl::host::Instance;
using lkl::host::Phase;
using lkl::host::Registry;

namespace {

// A signal handler inside a call of the same thread: what waits for that would wait for ever.
bool inside_call() {
  const lkl::host::CurrentThread& me = lkl::host::current_thread();
  return me.attaching || (me.record && me.record->inside);
}

// Before those of the program, whose locks, therefore, a fork takes before the kernel stands still.
[[maybe_unused]] const bool fork_registered = [] {
  lkl::host::on_fork([] { Registry::get().fork_prepare(); }, [] { Registry::get().fork_parent(); },
                     [] { Registry::get().fork_child(); });
  return true;
}();

// What the process is told once, however often a kernel is booted.
void register_with_process() {
  static const bool registered = [] {
    lkl::host::on_thread_exit(lkl::host::thread_exits);
    // for who ends without lkl_cleanup()
    std::atexit([] {
      if (const Registry::Use instance; instance) lkl::host::Coverage::write_by_environment();
    });
    return true;
  }();
  (void)registered;
}

lkl_long slow_syscall(lkl_long nr, const uint64_t (&args)[6]) {
  const uint64_t kernel = Registry::open_kernel();
  if (inside_call()) return -LKL_EDEADLK;
  if (kernel == 0) return -LKL_ENODEV;
  if (Registry::direct_kernel() == 0) return lkl::host::traced_call(kernel, nr, args);
  return lkl::host::call_kernel(kernel, nr, args[0], args[1], args[2], args[3], args[4], args[5]);
}

// By the one thread that may: what has changed the phase to kHalting.
lkl_long halt(Instance& instance) {
  lkl::host::call_kernel(instance.number(), __lkl__NR_sync);
  instance.mute();
  // It does not return into the caller's task: the answer is that of a dead kernel.
  const lkl_long error = lkl::host::call_kernel(instance.number(), LKL_NR_HALT);
  if (instance.phase() == Phase::kDead) {
    Registry::get().change_ended();
    return 0;
  }
  Registry::get().change_phase(instance, Phase::kHalting, Phase::kRunning);
  return error;
}

}  // namespace

int lkl_init(lkl_host_operations* ops) {
  const lkl::host::InLibrary scope;
  if (!ops) return -LKL_EINVAL;
  if (Registry::exists()) return -LKL_EBUSY;
  if (const int error = lkl::host::read_on_panic()) return error;
  const int traced = lkl::host::start_trace();
  if (traced < 0) return traced;
  register_with_process();
  try {
    int error = 0;
    auto loop = lkl::host::make_event_loop(lkl::host::EventLoopKind::kAuto, &error);
    if (!loop) return error;
    if (const auto decorate = Registry::get().decorate_loop) loop = decorate(std::move(loop));
    if (!Registry::get().put(*ops, std::move(loop), traced != 0)) return -LKL_EBUSY;
  } catch (const std::bad_alloc&) {
    return -LKL_ENOMEM;
  }
  lkl::host::install_fault_handler(lkl::host::serve_fault);
  return 0;
}

int lkl_start_kernel(const char* cmd_fmt, ...) {
  const Registry::Use instance;
  if (!instance) return -LKL_EINVAL;
  char command_line[2048];
  va_list args;
  va_start(args, cmd_fmt);
  const int length = std::vsnprintf(command_line, sizeof command_line, cmd_fmt, args);
  va_end(args);
  if (length < 0 || static_cast<size_t>(length) >= sizeof command_line) return -LKL_E2BIG;
  if (inside_call()) return -LKL_EDEADLK;

  Registry& registry = Registry::get();
  // what has panicked while it booted can't be booted once more
  if (!registry.change_phase(*instance, Phase::kNew, Phase::kBooting)) return -LKL_EBUSY;
  const int error = instance->boot(command_line);
  if (error || !registry.change_phase(*instance, Phase::kBooting, Phase::kRunning)) {
    registry.change_ended();
    return error ? error : -LKL_ESHUTDOWN;
  }
  registry.open_calls(instance->number());
  if (const int failed = instance->disks().connect_all()) return failed;
  return instance->nics().connect_all();
}

int lkl_is_running() {
  return Registry::is_running();
}

lkl_long lkl_syscall6(lkl_long nr, lkl_long a, lkl_long b, lkl_long c, lkl_long d, lkl_long e,
                      lkl_long f) {
  const lkl::host::CurrentThread& me = lkl::host::current_thread();
  if (me.kernel == 0 || me.kernel != Registry::direct_kernel() || me.record->inside) [[unlikely]]
    return slow_syscall(
        nr, {static_cast<uint64_t>(a), static_cast<uint64_t>(b), static_cast<uint64_t>(c),
             static_cast<uint64_t>(d), static_cast<uint64_t>(e), static_cast<uint64_t>(f)});
  return lkl::host::call_with(*me.record, nr, a, b, c, d, e, f);
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
  if (inside_call()) return -LKL_EDEADLK;
  const Registry::Use instance;
  if (!instance) return -LKL_ENODEV;
  Registry& registry = Registry::get();
  if (!registry.change_phase(*instance, Phase::kRunning, Phase::kHalting)) {
    // another thread does: when this returns it is done
    registry.wait_for_change();
    return -LKL_ENODEV;
  }
  return halt(*instance);
}

void lkl_cleanup() {
  if (inside_call()) return;
  const lkl::host::InLibrary scope;
  Registry& registry = Registry::get();
  Instance* const instance = registry.begin_cleanup();
  if (!instance) return;
  if (registry.change_phase(*instance, Phase::kRunning, Phase::kHalting)) halt(*instance);
  lkl::host::remove_fault_handler();
  registry.end_cleanup();
  lkl::host::stop_trace();
  lkl::host::Coverage::write_by_environment();
}

int lkl_set_on_fork(lkl_on_fork what) {
  if (what < LKL_ON_FORK_COPY || what > LKL_ON_FORK_LEAVE) return -LKL_EINVAL;
  Registry::get().on_fork = what;
  return 0;
}

int lkl_coverage_write(const char* folder) {
  if (!folder || !*folder) return -LKL_EINVAL;
  if (!lkl::host::Coverage::built()) return -LKL_ENOSYS;
  return lkl::host::Coverage::write(folder);
}
