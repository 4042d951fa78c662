// SPDX-License-Identifier: GPL-2.0
//
// How large an image has to be for the files of a directory.
#ifndef LKL_TOOL_IMAGE_SIZE_H
#define LKL_TOOL_IMAGE_SIZE_H

#include <cstdint>
#include <string>
#include <vector>

#include "tree/tree.h"

namespace lkl::tool {

// What there is to be stored.
struct Inventory {
  std::uint64_t data = 0;         // bytes that are no holes, in blocks of 4 KiB
  std::uint64_t with_holes = 0;   // the same, where there can be no holes
  std::uint64_t names = 0;        // blocks for directories
  std::uint64_t links = 0;        // blocks for the texts of long symbolic links
  std::uint64_t attributes = 0;   // blocks for attributes that an inode has no room for
  std::uint64_t files = 0;        // of any kind
  std::uint64_t fat_entries = 0;  // that vfat needs for the names in the root directory
  // Of one file, with their names.
  std::uint64_t largest_attributes = 0;
};

// Throws Failure.
Inventory take_inventory(Tree& tree, const Handle& directory, const std::string& path);

// Room for the inventory and what the file system needs itself, on the generous side: what is not
// used is a hole of the image. `mkfs_words`: options that may have it store things twice.
std::uint64_t fitting_size(const std::string& type, const Inventory& inventory,
                           const std::vector<std::string>& mkfs_words);

}  // namespace lkl::tool

#endif  // LKL_TOOL_IMAGE_SIZE_H
