// SPDX-License-Identifier: GPL-2.0
// The input of the mount fuzzers: which image, and changes to blocks of its metadata.
// Any bytes are an input; most of them change something that the kernel looks at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fuzz/metadata.h"

namespace lkl_fuzz {

struct Patch {
  enum Kind : uint8_t {
    kBytes,   // are put there
    kAdd,     // the first of the bytes, signed, is added to a number of `length` bytes
    kCopy,    // another block's content, from the same place on
    kNumber,  // a number of `length` bytes that code is wrong about more often: see kNumbers
    kKinds,
  };
  uint16_t block = 0;   // modulo their number
  uint16_t offset = 0;  // modulo the size of the block
  Kind kind = kBytes;
  uint8_t length = 1;  // 1 to kMaxLength
  std::array<uint8_t, 16> bytes = {};

  static constexpr size_t kMaxLength = 16;
};

struct MountInput {
  uint8_t image = 0;
  std::vector<Patch> patches;
};

// As stored: a byte for the image; for each patch block and offset in two bytes, kind and
// length in one, and the bytes.
MountInput decode(std::span<const uint8_t> data);
std::vector<uint8_t> encode(const MountInput& input);

void apply(const MountInput& input, const Metadata& metadata, std::span<std::byte> image);

// One change, at random.
void mutate(MountInput& input, uint32_t random);
// Patches of both.
MountInput cross(const MountInput& one, const MountInput& other, uint32_t random);

}  // namespace lkl_fuzz
