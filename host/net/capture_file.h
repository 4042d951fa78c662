// SPDX-License-Identifier: GPL-2.0
// A file that grows by whole records. Each host has its own: host/posix.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "descriptor.h"
#include "host.h"

namespace lkl::host {

class CaptureFile final {
 public:
  // A new one, or what was there goes: 0 or -errno; EINVAL for what is no regular file.
  int open(const std::string& path);
  // All of it or nothing: 0 or -errno. Any stack.
  int append(std::span<const IoVec> record);

 private:
  Descriptor file_;
  uint64_t size_ = 0;
};

}  // namespace lkl::host
