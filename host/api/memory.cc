// SPDX-License-Identifier: GPL-2.0
// Memory of the application that the kernel is to have pages of.
#include "api/internal.h"
#include "core/instance.h"
#include "lkl.h"

namespace {

int call_of(lkl_long number, void* base, lkl_ulong size) {
  return static_cast<int>(lkl_syscall6(number, reinterpret_cast<lkl_long>(base),
                                       static_cast<lkl_long>(size), 0, 0, 0, 0));
}

}  // namespace

int lkl_memory_import(void* base, lkl_ulong size) {
  return call_of(LKL_NR_MEMORY_IMPORT, base, size);
}

int lkl_memory_release(void* base, lkl_ulong size) {
  return call_of(LKL_NR_MEMORY_RELEASE, base, size);
}
