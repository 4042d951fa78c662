// SPDX-License-Identifier: GPL-2.0
// What a bad wire does to frames, in the words of tc-netem(8).
#pragma once

#include <cstdint>
#include <optional>

#include "net/uri.h"

namespace lkl::host {

// How far from the delay frames are: evenly up to the jitter; or so that the jitter is the standard
// deviation, by a normal distribution or by that of Pareto, whose few late ones are very late.
enum class Jitter : uint8_t { kUniform, kNormal, kPareto };

struct Impairments {
  uint64_t delay_ns = 0, jitter_ns = 0;  // each frame later by this, more or less
  Jitter distribution = Jitter::kUniform;
  uint64_t rate = 0;  // bytes a second; 0: any
  // Of 2^32 frames so many.
  uint64_t loss = 0, duplicate = 0, reorder = 0, corrupt = 0;
  // Of 2^32 frames so many are lost after one that was, and after one that was not; 0, 0: `loss`.
  uint64_t loss_goes_on = 0, loss_begins = 0;
  uint64_t limit = 1000;  // frames that wait; a further one is lost
  uint64_t seed = 0;

  // Takes their words. 0 or -EINVAL, and said; `result` stays empty if there is none.
  static int take(NetUri& uri, std::optional<Impairments>& result);
};

// What happens to a frame: of the seed and the frame's number only; where losses come in bursts, of
// whether the one before was lost, too.
struct Fate {
  bool lost = false, duplicated = false, at_once = false, corrupted = false;
  uint64_t delay_ns = 0;
  uint64_t where = 0;  // a random number, for the bit that is changed
};
Fate fate_of(const Impairments& impairments, uint64_t number, bool lost_before = false);

}  // namespace lkl::host
