// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cerrno>
#include <cstdint>

#include "win32/signal.h"

namespace lkl::host {

// The next frame by `take`, of a wire whose ends of transfers set `in`. It is ready no more when
// there is none: said first, then looked once more, since who sets it does it the other way round.
template <class Take>
int64_t take_signalled(Signal& in, Take take) {
  if (const int64_t result = take(); result != -EAGAIN) return result;
  in.set(false);
  const int64_t result = take();
  if (result != -EAGAIN) in.set(true);
  return result;
}

}  // namespace lkl::host
