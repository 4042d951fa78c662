// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>

#include "host.h"

namespace lkl::host {

void* open_library(const char* name) {
  return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

void* find_symbol(void* library, const char* name) {
  return dlsym(library, name);
}

}  // namespace lkl::host
