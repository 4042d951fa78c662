// SPDX-License-Identifier: GPL-2.0
//
// libext2fs, which is loaded when the first image is made reproducible: whoever has mkfs.ext4 has
// it, and nobody else needs it.
#ifndef LKL_TOOL_EXT2FS_LIBRARY_H
#define LKL_TOOL_EXT2FS_LIBRARY_H

// Declarations only: its inline functions would have to be linked.
#define NO_INLINE_FUNCS
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

namespace lkl::tool {

#define LKL_EXT2FS_CALLS(call)                                                               \
  call(initialize_ext2_error_table) call(error_message) call(ext2fs_open2) call(ext2fs_free) \
      call(ext2fs_close_free) call(ext2fs_open_inode_scan) call(ext2fs_close_inode_scan)     \
          call(ext2fs_get_next_inode_full) call(ext2fs_write_inode_full)                     \
              call(ext2fs_fix_extents_checksums) call(ext2fs_block_iterate3)                 \
                  call(ext2fs_read_dir_block4) call(ext2fs_write_dir_block4)

// Its functions by their names.
struct Ext2fsLibrary {
#define LKL_POINTER(name) decltype(&::name) name = nullptr;
  LKL_EXT2FS_CALLS(LKL_POINTER)
#undef LKL_POINTER
  // What reads and writes an open descriptor, whose number is the name.
  io_manager descriptors = nullptr;
};

// Not to be called for the first time in the sandbox. Throws Failure if it is not installed.
const Ext2fsLibrary& ext2fs();

}  // namespace lkl::tool

#endif  // LKL_TOOL_EXT2FS_LIBRARY_H
