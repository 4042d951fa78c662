// SPDX-License-Identifier: GPL-2.0
//
// File systems that begin somewhere in a file, with no table that says where.
#ifndef LKL_TOOL_EMBEDDED_H
#define LKL_TOOL_EMBEDDED_H

#include <optional>
#include <string>
#include <vector>

#include "base/block_reader.h"

namespace lkl::tool {

// Where a program ends, if the file begins with one and goes on behind it: that of an AppImage.
std::optional<std::uint64_t> end_of_program(const BlockReader& file);

struct Embedded {
  std::uint64_t offset = 0;
  std::string type;
};

// What looks as if a file system began there, among the first bytes. Reads all of these.
std::vector<Embedded> find_embedded(const BlockReader& device);

}  // namespace lkl::tool

#endif  // LKL_TOOL_EMBEDDED_H
