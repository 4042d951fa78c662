// SPDX-License-Identifier: GPL-2.0
//
// Which device is meant: by what the command line says, or because there is just one.
#ifndef LKL_TOOL_CHOOSE_H
#define LKL_TOOL_CHOOSE_H

#include <optional>
#include <string>
#include <vector>

#include "device.h"

namespace lkl::tool {

struct Choosable {
  const Device* whole = nullptr;         // the disk that was named
  std::vector<const Device*> own;        // its partitions
  std::vector<const Device*> assembled;  // of all disks
  std::vector<const Device*> others;     // other disks and their partitions
};

// The device, or nothing if none fits. Throws Failure if several do.
const Device* find_chosen(const Choosable& all, const VolumeChoice& choice);
// The only one with a file system, or one that mounting will say more about. Nothing if there are
// none or several to choose from.
const Device* find_only(const Choosable& all);

// Says that there is none, or too many, and what there is. `choice` is nothing for find_only().
[[noreturn]] void throw_not_found(const Choosable& all, const std::optional<VolumeChoice>& choice);

}  // namespace lkl::tool

#endif  // LKL_TOOL_CHOOSE_H
