// SPDX-License-Identifier: GPL-2.0
#include <cstdio>

#include <lkl.hpp>

const char* kmalloc() { return "kmalloc of the application"; }

int main() {
  lkl_host_ops.print = nullptr;
  const lkl::Kernel kernel = lkl::Kernel::boot({.memory = 32 << 20});
  std::printf("pid %ld, %s\n", static_cast<long>(lkl_sys_getpid()), kmalloc());
}
