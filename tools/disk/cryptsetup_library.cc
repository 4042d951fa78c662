// SPDX-License-Identifier: GPL-2.0
#include "disk/cryptsetup_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

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

bool warm_cryptsetup() {
  try {
    const CryptsetupLibrary& library = cryptsetup();
    // What is no container makes it set up its cryptography all the same.
    const int nothing = memfd_create("no-luks", MFD_CLOEXEC);
    crypt_device* context = nullptr;
    if (nothing >= 0 && ftruncate(nothing, 1 << 20) == 0 &&
        library.crypt_init(&context, fmt::format("/proc/self/fd/{}", nothing).c_str()) == 0) {
      library.crypt_set_log_callback(
          context, [](int, const char*, void*) {}, nullptr);
      library.crypt_load(context, nullptr, nullptr);
      library.crypt_free(context);
    }
    if (nothing >= 0) close(nothing);
    return true;
  } catch (const Failure&) {
    return false;  // who needs it, will be told
  }
}

}  // namespace lkl::tool
