// SPDX-License-Identifier: GPL-2.0
//
// File systems of other systems, or that few use, of which more is told than a mark of some bytes.
#ifndef LKL_TOOL_PROBE_RARE_H
#define LKL_TOOL_PROBE_RARE_H

#include <optional>

#include "disk/probe.h"

namespace lkl::tool {

std::optional<Contents> probe_bcachefs(const BlockReader& device);
std::optional<Contents> probe_jfs(const BlockReader& device);
std::optional<Contents> probe_nilfs(const BlockReader& device);
std::optional<Contents> probe_ufs(const BlockReader& device);
std::optional<Contents> probe_hfs(const BlockReader& device);
std::optional<Contents> probe_minix(const BlockReader& device);
std::optional<Contents> probe_befs(const BlockReader& device);

}  // namespace lkl::tool

#endif  // LKL_TOOL_PROBE_RARE_H
