// SPDX-License-Identifier: GPL-2.0
#include "preload/libc.h"

#include <dlfcn.h>

namespace lkl::preload {

constinit Libc found_libc = {};

void find_libc() {
  Libc found = {};
#define LKL_FIND(name) \
  found.name = reinterpret_cast<decltype(found.name)>(::dlsym(RTLD_NEXT, #name));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
  LKL_LIBC_FUNCTIONS(LKL_FIND)
#pragma GCC diagnostic pop
#undef LKL_FIND
  // any number of threads may find the same
  found_libc = found;
}

void* find_next(const char* name) {
  return ::dlsym(RTLD_NEXT, name);
}

}  // namespace lkl::preload
