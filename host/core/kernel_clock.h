// SPDX-License-Identifier: GPL-2.0
// What time it is in the kernel of this process, for who stamps something outside of it.
#pragma once

#include <cstdint>

#include "asm/host_clock.h"
#include "host.h"

namespace lkl::host {

// Its CLOCK_REALTIME, in nanoseconds since 1970; the host's before there is a kernel.
inline uint64_t kernel_realtime_ns() {
  const int64_t ahead = lkl_kernel_realtime_ahead();
  return ahead == 0 ? realtime_ns() : monotonic_ns() + static_cast<uint64_t>(ahead);
}

}  // namespace lkl::host
