// SPDX-License-Identifier: GPL-2.0
//
// Which of a domain's disks is meant.
#ifndef LKL_TOOL_DISK_CHOICE_H
#define LKL_TOOL_DISK_CHOICE_H

#include <optional>
#include <vector>

#include "session/session.h"

namespace lkl::tool {

// The only one with a file system (in this partition, if `volume`, a number, is given).
// Throws Failure, which lists them, if there is not exactly one.
AttachedImage& choose_disk(const std::vector<AttachedImage*>& disks,
                           const std::optional<VolumeChoice>& volume,
                           const SessionOptions& options);

}  // namespace lkl::tool

#endif  // LKL_TOOL_DISK_CHOICE_H
