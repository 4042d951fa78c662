// SPDX-License-Identifier: GPL-2.0
//
// What LVM has written on one physical volume.
#ifndef LKL_TOOL_LVM_LABEL_H
#define LKL_TOOL_LVM_LABEL_H

#include <optional>
#include <string>

#include "base/block_reader.h"

namespace lkl::tool {

struct LvmLabel {
  std::string uuid;      // of the physical volume, with dashes
  std::string metadata;  // of its group, the newest here; empty if other volumes have it
  bool damaged = false;  // there is metadata, but it cannot be read
};

std::optional<LvmLabel> read_lvm_label(const BlockReader& device);

}  // namespace lkl::tool

#endif  // LKL_TOOL_LVM_LABEL_H
