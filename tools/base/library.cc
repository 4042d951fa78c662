// SPDX-License-Identifier: GPL-2.0
#include "base/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/error.h"

namespace lkl::tool {

Library::Library(const char* file, std::string name, const char* purpose, const char* package)
    : name_(std::move(name)), handle_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
  if (handle_ == nullptr)
    throw Failure(fmt::format("{}, which {}, cannot be loaded: {}; install it (Debian: {})", name_,
                              purpose, dlerror(), package));
}

void* Library::find(const char* symbol) const {
  void* const address = dlsym(handle_, symbol);
  if (address == nullptr)
    throw Failure(fmt::format("{} is too old: it has no {}; install a newer one", name_, symbol));
  return address;
}

}  // namespace lkl::tool
