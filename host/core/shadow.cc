// SPDX-License-Identifier: GPL-2.0
#include "core/shadow.h"

#include <cstdio>
#include <new>

#include "asm/host_ops.h"
#include "host.h"

namespace lkl::host {

KernelShadow::KernelShadow() {
  if (lkl_kernel_shadow_size == 0) return;
  if (host::map_fixed(lkl_kernel_shadow_base, lkl_kernel_shadow_size)) return;
  char line[200];
  const int length =
      std::snprintf(line, sizeof line,
                    "lkl: the host does not give KASAN its shadow, %llu TiB of addresses at %#llx: "
                    "is there a limit (ulimit -v), or vm.overcommit_memory=2?\n",
                    lkl_kernel_shadow_size >> 40, lkl_kernel_shadow_base);
  host::print(line, static_cast<size_t>(length));
  throw std::bad_alloc();
}

KernelShadow::~KernelShadow() {
  if (lkl_kernel_shadow_size != 0)
    host::release_memory(reinterpret_cast<void*>(lkl_kernel_shadow_base), lkl_kernel_shadow_size);
}

}  // namespace lkl::host
