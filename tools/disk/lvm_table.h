// SPDX-License-Identifier: GPL-2.0
//
// From LVM's segments to tables of the device mapper.
#ifndef LKL_TOOL_LVM_TABLE_H
#define LKL_TOOL_LVM_TABLE_H

#include <cstdint>
#include <functional>
#include <string>

#include "disk/dm_device.h"
#include "disk/lvm_metadata.h"

namespace lkl::tool {

// The kernel's number of a physical volume, or of a logical one that is a part of others, by its
// name in the group. Throws Failure if it cannot be had.
using FindLvmDevice = std::function<std::uint32_t(const std::string& name)>;

// The same for a piece of a logical volume, in sectors.
using FindLvmPiece =
    std::function<std::uint32_t(const std::string& name, std::uint64_t start, std::uint64_t size)>;

// A volume that others keep their blocks in: of no use by itself.
bool is_lvm_pool(const LvmVolume& volume);

// Throws Failure: a type that is not supported, or a description that makes no sense.
DmTable lvm_table(const LvmGroup& group, const LvmVolume& volume, const FindLvmDevice& find,
                  const FindLvmPiece& piece, bool writable);

// "linear", "striped", "raid1" ...: the type of the volume's first segment, for people.
std::string lvm_type_name(const LvmVolume& volume);

}  // namespace lkl::tool

#endif  // LKL_TOOL_LVM_TABLE_H
