// SPDX-License-Identifier: GPL-2.0
//
// What the superblock of md says about one member of an array.
#ifndef LKL_TOOL_MD_SUPERBLOCK_H
#define LKL_TOOL_MD_SUPERBLOCK_H

#include <cstdint>
#include <optional>
#include <string>

#include "base/block_reader.h"

namespace lkl::tool {

struct MdMember {
  int major = 1;  // 0.90, or 1.0 (at the end), 1.1 (at the beginning), 1.2 (4 KiB behind that)
  int minor = 0;
  std::string uuid;                         // of the array
  std::string name;                         // "host:name", of version 1
  std::optional<unsigned> preferred_minor;  // of version 0.90
  int level = 0;
  unsigned disks = 0;            // how many the array has, without spares
  unsigned number = 0;           // of this member among all
  std::optional<unsigned> role;  // its place in the array; none: a spare, a journal, or failed
  std::string role_name;         // of these: "spare", "journal", "failed"
  std::uint64_t events = 0;
  std::uint64_t offset = 0;  // where the superblock was found, bytes

  std::string version() const;
};

std::optional<MdMember> read_md_superblock(const BlockReader& device);

// "raid5", "linear"
std::string md_level_name(int level);

}  // namespace lkl::tool

#endif  // LKL_TOOL_MD_SUPERBLOCK_H
