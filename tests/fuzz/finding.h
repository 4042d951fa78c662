// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstdint>
#include <span>

#include "fuzz/runner.h"

namespace lkl_fuzz {

// Tells the engine of a run that went wrong: prints what is known and aborts. With
// LKL_FUZZ_FINDINGS=DIR in the environment, panics and hangs of the kernel are kept in DIR
// instead, the first input of each signature and its log, and the engine goes on.
void handle(const Outcome& outcome, std::span<const uint8_t> input);

// The folder of images: LKL_FUZZ_IMAGES, or that of the build.
const char* image_folder();

// From the environment: LKL_FUZZ_WARNINGS=1, LKL_FUZZ_LIMIT=seconds.
Runner::Options options_of_environment();

}  // namespace lkl_fuzz
