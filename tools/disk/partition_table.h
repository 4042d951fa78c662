// SPDX-License-Identifier: GPL-2.0
//
// What the partition table of a disk says. Which partitions there are to mount is the kernel's
// word (session.h) where it reads the table; this adds what the kernel does not tell: types, names,
// partitions that lie beyond the end of a truncated image, and tables that the kernel does not
// read: of disks with larger sectors, of damaged ones, inside of other devices.
#ifndef LKL_TOOL_PARTITION_TABLE_H
#define LKL_TOOL_PARTITION_TABLE_H

#include <cstdint>
#include <string>
#include <vector>

#include "base/block_reader.h"

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
  unsigned sector_size = 512;  // of the disk it was made for
  bool good = false;           // it can be believed without the kernel's word
  std::string damage;          // what is wrong with it, though it is good; empty: nothing
};

// Numbered as Linux numbers them: logical partitions of an MBR from 5 on.
PartitionTable read_partition_table(const BlockReader& disk);

// "Linux file system" for "0x83" or the GUID; the type itself when it has no well-known name.
std::string partition_type_name(const std::string& type);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PARTITION_TABLE_H
