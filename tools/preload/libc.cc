// SPDX-License-Identifier: GPL-2.0
#include "preload/libc.h"

#include <dlfcn.h>

namespace lkl::preload {

constinit Libc found_libc = {};

void find_libc() {
  Libc found = {};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
#define LKL_LIBC_FUNCTION(name) \
  found.name = reinterpret_cast<decltype(found.name)>(::dlsym(RTLD_NEXT, #name));
#include "preload/libc_functions.def"
#undef LKL_LIBC_FUNCTION
#pragma GCC diagnostic pop
  // any number of threads may find the same
  found_libc = found;
}

void* find_next(const char* name) {
  return ::dlsym(RTLD_NEXT, name);
}

}  // namespace lkl::preload
