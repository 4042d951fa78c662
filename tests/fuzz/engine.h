// SPDX-License-Identifier: GPL-2.0
// What differs between libFuzzer and AFL++.
#pragma once

#include <cstdint>
#include <span>

namespace lkl_fuzz {

// Where the engine wants blocks counted: a power of two of bytes, shared with the
// processes that are forked.
std::span<uint8_t> engine_counters();

// From LLVMFuzzerInitialize(): what the engine should do unless told otherwise.
void engine_defaults(int* argc, char*** argv);

}  // namespace lkl_fuzz
