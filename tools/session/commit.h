// SPDX-License-Identifier: GPL-2.0
#ifndef LKL_TOOL_COMMIT_H
#define LKL_TOOL_COMMIT_H

#include "base/block_reader.h"
#include "base/host_file.h"
#include "base/progress.h"

namespace lkl::tool {

// Writes a disk into a file as a raw image, with holes where it is zero. Throws Failure;
// Interrupted.
void write_raw_image(const BlockReader& disk, const HostFile& file, const std::string& name,
                     Progress& progress);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COMMIT_H
