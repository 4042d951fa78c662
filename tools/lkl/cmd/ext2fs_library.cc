// SPDX-License-Identifier: GPL-2.0
#include "lkl/cmd/ext2fs_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/error.h"

namespace lkl::tool {

namespace {

void* find(void* handle, const char* name) {
  void* const symbol = dlsym(handle, name);
  if (symbol == nullptr)
    throw Failure(
        fmt::format("libext2fs is too old: it has no {}; install 1.46 or a newer one", name));
  return symbol;
}

Ext2fsLibrary load() {
  void* const handle = dlopen("libext2fs.so.2", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr)
    throw Failure(fmt::format(
        "libext2fs, which reproducible images need, cannot be loaded: {}; install it (Debian: "
        "libext2fs2)",
        dlerror()));
  Ext2fsLibrary library;
#define LKL_LOAD(name) library.name = reinterpret_cast<decltype(library.name)>(find(handle, #name));
  LKL_EXT2FS_CALLS(LKL_LOAD)
#undef LKL_LOAD
  library.descriptors = *static_cast<io_manager*>(find(handle, "unixfd_io_manager"));
  library.initialize_ext2_error_table();
  return library;
}

}  // namespace

const Ext2fsLibrary& ext2fs() {
  static const Ext2fsLibrary library = load();
  return library;
}

}  // namespace lkl::tool
