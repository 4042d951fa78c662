// SPDX-License-Identifier: GPL-2.0
// Each host has its own: host/posix/scratch_file.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "descriptor.h"

namespace lkl::host {

// A temporary file without a name, gone with the object. Any thread, also several at once.
class ScratchFile final {
 public:
  // So many bytes, in $TMPDIR or /var/tmp. 0 or -errno.
  static int make(uint64_t size, ScratchFile& result);

  // All of it; 0 or -errno.
  int read(std::byte* to, uint64_t length, uint64_t offset) const;
  int write(const std::byte* from, uint64_t length, uint64_t offset) const;
  // It reads as zeroes, and takes no room.
  int punch(uint64_t length, uint64_t offset) const;

 private:
  Descriptor file_;
};

}  // namespace lkl::host
