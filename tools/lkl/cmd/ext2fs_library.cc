// SPDX-License-Identifier: GPL-2.0
#include "lkl/cmd/ext2fs_library.h"

#include "base/library.h"

namespace lkl::tool {

namespace {

Ext2fsLibrary load() {
  const Library file("libext2fs.so.2", "libext2fs", "reproducible images need", "libext2fs2");
  Ext2fsLibrary library;
#define LKL_LOAD(name) file.load(library.name, #name);
  LKL_EXT2FS_CALLS(LKL_LOAD)
#undef LKL_LOAD
  library.descriptors = *static_cast<io_manager*>(file.find("unixfd_io_manager"));
  library.initialize_ext2_error_table();
  return library;
}

}  // namespace

const Ext2fsLibrary& ext2fs() {
  static const Ext2fsLibrary library = load();
  return library;
}

}  // namespace lkl::tool
