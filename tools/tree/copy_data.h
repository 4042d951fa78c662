// SPDX-License-Identifier: GPL-2.0
//
// What is in one file, copied to another.
#ifndef LKL_TOOL_COPY_DATA_H
#define LKL_TOOL_COPY_DATA_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "base/progress.h"
#include "tree/tree.h"

namespace lkl::tool {

enum class Sparse {
  kAuto,    // holes of the source stay holes
  kAlways,  // and blocks of zeroes become holes
  kNever,   // everything is written
};

// An error of the file that is written, not of the one that is read.
class WriteError : public std::system_error {
 public:
  explicit WriteError(const std::system_error& error) : std::system_error(error.code()) {}
};

struct DataEnd {
  Tree& tree;
  const Handle& file;
  bool stream = false;  // a device or a pipe: from beginning to end, all of it
};

// `size`: what the source says it has. Files that say 0 may have more (in /proc); what has grown
// since is copied too. `buffer`: how much is held at a time, and may still be written after Ctrl-C.
// Throws WriteError, std::system_error, Interrupted.
void copy_data(const DataEnd& from, const DataEnd& to, std::uint64_t size, Sparse sparse,
               std::span<std::byte> buffer, Progress& progress);

}  // namespace lkl::tool

#endif  // LKL_TOOL_COPY_DATA_H
