// SPDX-License-Identifier: GPL-2.0
// AFL++ gives its map in shared memory when afl-fuzz runs the program, and private
// memory otherwise.
#include <bit>

#include "fuzz/engine.h"

extern "C" uint8_t* __afl_area_ptr;
extern "C" uint32_t __afl_map_size;

void lkl_fuzz::engine_defaults(int*, char***) {}

std::span<uint8_t> lkl_fuzz::engine_counters() {
  return {__afl_area_ptr, std::bit_floor(__afl_map_size)};
}
