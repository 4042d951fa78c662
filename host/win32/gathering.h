// SPDX-License-Identifier: GPL-2.0
// A call of Windows' takes one piece of memory. The kernel's are pages, one here, one there: to
// gather them in a buffer costs much less than a call for each.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "host.h"

namespace lkl::host {

// A buffer, for a while: there are a few that are used again and again. Allocates.
class GatherBuffer final {
 public:
  static constexpr size_t kSize = 256 << 10;

  GatherBuffer();
  ~GatherBuffer();
  GatherBuffer(const GatherBuffer&) = delete;
  GatherBuffer& operator=(const GatherBuffer&) = delete;

  // nullptr if there is no memory.
  std::byte* data() { return bytes_.get(); }

 private:
  std::unique_ptr<std::byte[]> bytes_;
};

// From the first `skip` bytes of the vector on, so many.
void gather(std::span<const IoVec> from, size_t skip, std::span<std::byte> to);
void scatter(std::span<const std::byte> from, std::span<const IoVec> to, size_t skip);

}  // namespace lkl::host
