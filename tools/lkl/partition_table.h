// SPDX-License-Identifier: GPL-2.0
//
// What the partition table of a disk says. Which partitions there are to mount is the kernel's
// word (session.h); this adds what the kernel does not tell: types, names, and partitions that lie
// beyond the end of a truncated image.
#ifndef LKL_TOOL_PARTITION_TABLE_H
#define LKL_TOOL_PARTITION_TABLE_H

#include <cstdint>
#include <string>
#include <vector>

#include "block_reader.h"

namespace lkl::tool {

struct TableEntry {
  unsigned number = 0;
  std::uint64_t start = 0;  // bytes
  std::uint64_t size = 0;
  std::string type;        // MBR: "0x83"; GPT: the type's GUID; in a disklabel: "bsd:0x07"
  std::string name;        // of GPT; of a disklabel the letter
  std::string uuid;        // of the partition itself, as Linux makes it: PARTUUID=; empty: has none
  bool container = false;  // an extended partition: holds others, no file system
};

struct PartitionTable {
  std::string kind;  // "mbr", "gpt", empty when there is none
  std::vector<TableEntry> entries;
};

// Numbered as Linux numbers them: logical partitions of an MBR from 5 on.
PartitionTable read_partition_table(const BlockReader& disk);

// "Linux file system" for "0x83" or the GUID; the type itself when it has no well-known name.
std::string partition_type_name(const std::string& type);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PARTITION_TABLE_H
