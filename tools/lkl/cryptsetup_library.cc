// SPDX-License-Identifier: GPL-2.0
#include "cryptsetup_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "error.h"

namespace lkl::tool {

namespace {

CryptsetupLibrary load() {
  void* const handle = dlopen("libcryptsetup.so.12", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    throw Failure(
        fmt::format("libcryptsetup, which LUKS needs, cannot be loaded: {}; install it (Debian: "
                    "libcryptsetup12)",
                    dlerror()));
  CryptsetupLibrary library;
#define LKL_LOAD(name)                                                           \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, #name)); \
  if (library.name == nullptr)                                                   \
    throw Failure("libcryptsetup is too old: it has no " #name "; install 2.4 or a newer one");
  LKL_CRYPTSETUP_CALLS(LKL_LOAD)
#undef LKL_LOAD
  return library;
}

}  // namespace

const CryptsetupLibrary& cryptsetup() {
  static const CryptsetupLibrary library = load();
  return library;
}

}  // namespace lkl::tool
