// SPDX-License-Identifier: GPL-2.0
//
// The subvolumes of a mounted btrfs.
#ifndef LKL_TOOL_SUBVOLUME_H
#define LKL_TOOL_SUBVOLUME_H

#include <lkl.hpp>

#include <string>
#include <utility>
#include <vector>

#include "session/session.h"

namespace lkl::tool {

// Which one is mounted, "@/.snapshots/1/snapshot"; empty if it is the top level, or no btrfs.
std::string mounted_subvolume(const Volume& volume);

// Those in the directory at the top, in the order of their names, each as a volume of its own that
// must not outlive `volume`. Throws std::system_error.
std::vector<std::pair<std::string, Volume>> top_subvolumes(const Volume& volume);

}  // namespace lkl::tool

#endif  // LKL_TOOL_SUBVOLUME_H
