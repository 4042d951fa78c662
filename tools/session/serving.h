// SPDX-License-Identifier: GPL-2.0
//
// What the programs have in common that serve the file system of an image to those of the host, by
// FUSE or by WinFsp.
#ifndef LKL_TOOL_SERVING_H
#define LKL_TOOL_SERVING_H

#include <lkl_error.hpp>

#include <string>
#include <string_view>
#include <system_error>

#include "base/descriptor.h"

namespace lkl::tool {

// Throws what a negative result means.
inline long long check(long long result) {
  if (result < 0) throw std::system_error(error_from(result));
  return result;
}

// A change of the file system user takes rights away (capabilities(7)); they are taken back.
void take_all_rights();

// Whether a file system of this type takes names that differ in case for the same one, in all of
// its directories.
bool folds_all_names(std::string_view type);

// The file for the kernel's messages, and for ours when nobody looks at the terminal any more. None
// for an empty path; throws Failure.
Descriptor open_log(const std::string& path);

}  // namespace lkl::tool

#endif  // LKL_TOOL_SERVING_H
