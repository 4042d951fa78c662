// SPDX-License-Identifier: GPL-2.0
// Boots a kernel, does some work in it and, if a bug is named, has it (arch/lkl/kernel/planted.c).
#include <lkl.h>

#include <cstdio>
#include <string>

#include "support/kernel_test.h"

int main(int argc, char** argv) {
  lkl_host_operations ops = {};
  if (lkl_init(&ops) || lkl_start_kernel("mem=64M loglevel=4")) return 1;
  char debugfs[] = "debugfs";
  if (lkl_mount_fs(debugfs)) return 1;
  if (argc > 1) {
    if (const long error = lkl_test::write_kernel_file("/debugfs/lkl/bug", argv[1])) {
      std::fprintf(stderr, "%s: %s\n", argv[1], lkl_strerror(static_cast<int>(error)));
      return 1;
    }
  } else if (lkl_test::read_kernel_file("/debugfs/lkl/bug").empty()) {
    return 1;
  }
  if (lkl_sys_halt()) return 1;
  lkl_cleanup();
  return 0;
}
