// SPDX-License-Identifier: GPL-2.0
//
// A disk of the kernel, or an array, with its partitions.
#ifndef LKL_TOOL_DISK_SCAN_H
#define LKL_TOOL_DISK_SCAN_H

#include <string>
#include <vector>

#include "disk/device.h"
#include "disk/held_devices.h"

namespace lkl::tool {

struct DiskLayout {
  std::string table;               // "gpt", "mbr" or empty
  std::vector<Device> partitions;  // in the order of their numbers
  std::string damage;              // what is wrong with the table, though it is used; or empty
};

// Finds out what is on the disk (`whole.contents`) and its partitions. `whole` has its kind, image,
// id, device, size and access already, and has to stay where it is. Partitions that the kernel does
// not make of the table become devices of their own, in `held`.
DiskLayout scan_disk(Device& whole, HeldDevices& held);

// Why a partition of the table cannot be used.
std::string why_absent(const Device& whole, const std::vector<Device>& partitions,
                       const Device& partition);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DISK_SCAN_H
