// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>
#include <span>

#include "host.h"

namespace lkl::host {

// A connection to somebody else. One thread may send while another one receives; both block.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // All of it: 0 or -errno.
  virtual int send(std::span<const IoVec> from) = 0;
  // All of it: 0 or -errno; -ECONNRESET if the other end has closed before.
  virtual int receive(std::byte* to, size_t length) = 0;
  // Whoever sends or receives now, or will, fails. Any thread.
  virtual void shut_down() = 0;

  int send(const void* from, size_t length) {
    const IoVec all = {.base = const_cast<void*>(from), .size = length};
    return send(std::span(&all, 1));
  }
};

}  // namespace lkl::host
