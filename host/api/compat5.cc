// SPDX-License-Identifier: GPL-2.0
// <lkl/compat5.h>: programs that know no lkl_init() give their operations at the start, after
// their first disks.
#include <cstdarg>
#include <cstdio>

#include "core/instance.h"
#include "core/registry.h"
#include "lkl.h"
#include "lkl/compat5.h"

// here they are what they are elsewhere
#undef lkl_start_kernel
#undef lkl_disk_add

using lkl::host::Phase;
using lkl::host::Registry;

namespace {

void print(const char* text, int length) {
  // may be changed at any time
  if (const auto print = Registry::get().operations5.load()->print) print(text, length);
}

void panic() {
  if (const auto panic = Registry::get().operations5.load()->panic) panic();
}

// What the kernel has before it is known which operations it is to have.
constinit lkl_host_operations forwarding = [] {
  lkl_host_operations out = {};
  out.print = print;
  out.panic = panic;
  return out;
}();

int prepare() {
  bool dead = false;
  if (const Registry::Use instance; instance) {
    if (instance->phase() != Phase::kDead) return 0;
    dead = true;
  }
  if (dead) lkl_cleanup();
  return lkl_init(&forwarding);
}

}  // namespace

int lkl_start_kernel_5(lkl_host_operations* ops, const char* cmd_fmt, ...) {
  if (!ops) return -LKL_EINVAL;
  char command_line[4096];
  va_list args;
  va_start(args, cmd_fmt);
  const int length = std::vsnprintf(command_line, sizeof command_line, cmd_fmt, args);
  va_end(args);
  if (length < 0 || static_cast<size_t>(length) >= sizeof command_line) return -LKL_E2BIG;

  if (lkl_is_running()) return -LKL_EBUSY;
  if (const int error = prepare()) return error;
  Registry::get().operations5 = ops;
  return lkl_start_kernel("%s", command_line);
}

int lkl_disk_add_5(lkl_disk* disk) {
  const int error = prepare();
  return error ? error : lkl_disk_add(disk);
}
