// SPDX-License-Identifier: GPL-2.0
//
// GUID partition tables, of disks with sectors of any size.
#ifndef LKL_TOOL_GPT_H
#define LKL_TOOL_GPT_H

#include <optional>

#include "disk/partition_table.h"

namespace lkl::tool {

// The table at the beginning of the disk, whose sectors may be larger than those of the device it
// is read from; else the copy at the end, or where the protective MBR (of so many sectors) says
// that the end was. `good` if its checksums are right. Nothing if there is none.
std::optional<PartitionTable> read_gpt(const BlockReader& disk, std::uint64_t protected_sectors);

}  // namespace lkl::tool

#endif  // LKL_TOOL_GPT_H
