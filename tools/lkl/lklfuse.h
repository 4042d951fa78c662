// SPDX-License-Identifier: GPL-2.0
//
// lklfuse, for the commands that have it mount an image.
#ifndef LKL_TOOL_LKLFUSE_H
#define LKL_TOOL_LKLFUSE_H

#include <string>
#include <vector>

#include "session/session_options.h"

namespace lkl::tool {

// Its path: it is installed beside this program. Throws Failure.
std::string find_lklfuse();

// As a value among its options, which are separated by commas.
std::string escape_for_lklfuse(const std::string& text);

// What the common options are for it, but for memory, and ro.
std::vector<std::string> lklfuse_options(const SessionOptions& common);

}  // namespace lkl::tool

#endif  // LKL_TOOL_LKLFUSE_H
