// SPDX-License-Identifier: GPL-2.0
#include "disk/cryptsetup_library.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/library.h"
#include "disk/luks.h"

namespace lkl::tool {

namespace {

CryptsetupLibrary load() {
  const Library file("libcryptsetup.so.12", "libcryptsetup", "LUKS needs", "libcryptsetup12");
  CryptsetupLibrary library;
#define LKL_LOAD(name) file.load(library.name, #name);
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
    const Descriptor nothing(memfd_create("no-luks", MFD_CLOEXEC));
    crypt_device* context = nullptr;
    if (nothing && ftruncate(nothing.get(), 1 << 20) == 0 &&
        library.crypt_init(&context, fmt::format("/proc/self/fd/{}", nothing.get()).c_str()) == 0) {
      library.crypt_set_log_callback(
          context, [](int, const char*, void*) {}, nullptr);
      library.crypt_load(context, nullptr, nullptr);
      library.crypt_free(context);
    }
    return true;
  } catch (const Failure&) {
    return false;  // who needs it, will be told
  }
}

}  // namespace lkl::tool
