// SPDX-License-Identifier: GPL-2.0
//
// Which device is meant: by what the command line says, or because there is just one.
#ifndef LKL_TOOL_CHOOSE_H
#define LKL_TOOL_CHOOSE_H

#include <optional>
#include <string>
#include <vector>

#include "disk/device.h"

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
// none or several to choose from. `type` is the file system's, if the command line says it.
const Device* find_only(const Choosable& all, const std::string& type);
// What to take instead of a device that has no file system but a partition table: its only
// partition with files. Throws Failure if it has several or none; itself if it has no partitions.
const Device& enter_partitions(const Choosable& all, const Device& chosen);

// Says that there is none, or too many, and what there is. `choice` is nothing for find_only().
[[noreturn]] void throw_not_found(const Choosable& all, const std::optional<VolumeChoice>& choice);

// "disk.img: is not a raw image but qcow2; ..."
std::string not_raw(const Device& device);
// What else it looks like and may be meant, for the end of a message; mostly empty.
std::string other_marks(const Device& device);

}  // namespace lkl::tool

#endif  // LKL_TOOL_CHOOSE_H
