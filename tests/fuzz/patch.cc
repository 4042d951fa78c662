// SPDX-License-Identifier: GPL-2.0
#include "fuzz/patch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <set>

namespace lkl_fuzz {
namespace {

constexpr size_t kHead = 5, kMaxPatches = 64;

constexpr uint64_t kNumbers[] = {
    0,          1,          2,          3,          4,          7,          8,          15,
    16,         31,         32,         63,         64,         127,        128,        255,
    256,        511,        512,        1023,       1024,       4095,       4096,       32767,
    32768,      65535,      65536,      0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0xf30a,
    0x8000ffff, ~0ull >> 1, 1ull << 63, ~0ull,
};

// The kind is in the upper half of a byte; bytes are stored for some only.
size_t stored(const Patch& patch) {
  switch (patch.kind) {
    case Patch::kBytes:
      return patch.length;
    case Patch::kAdd:
    case Patch::kNumber:
      return 1;
    default:
      return 2;  // kCopy: the block
  }
}

uint16_t number16(const uint8_t* at) {
  return static_cast<uint16_t>(at[0] | at[1] << 8);
}

size_t width(const Patch& patch) {
  return std::bit_floor(static_cast<unsigned>(std::min<size_t>(patch.length, 8)));
}

Patch random_patch(std::mt19937& random) {
  Patch patch;
  patch.block = static_cast<uint16_t>(random());
  patch.offset = static_cast<uint16_t>(random());
  // most of what counts is a number, in its place
  patch.kind = static_cast<Patch::Kind>(random() % Patch::kKinds);
  patch.length = static_cast<uint8_t>(1u << random() % 4);
  if (random() % 4) patch.offset &= static_cast<uint16_t>(~(patch.length - 1u));
  if (patch.kind == Patch::kBytes && random() % 4 == 0)
    patch.length = static_cast<uint8_t>(1 + random() % Patch::kMaxLength);
  for (uint8_t& byte : patch.bytes) byte = static_cast<uint8_t>(random());
  if (patch.kind == Patch::kAdd && random() % 2)
    patch.bytes[0] = static_cast<uint8_t>(random() % 9 - 4);
  return patch;
}

void change(Patch& patch, std::mt19937& random) {
  switch (random() % 6) {
    case 0:
      patch.block = static_cast<uint16_t>(patch.block + random() % 9 - 4);
      break;
    case 1:
      patch.offset = static_cast<uint16_t>(patch.offset + random() % 33 - 16);
      break;
    case 2:
      patch.offset = static_cast<uint16_t>(random());
      break;
    case 3:
      patch.length = static_cast<uint8_t>(1 + random() % Patch::kMaxLength);
      break;
    case 4:
      patch.bytes[random() % patch.length] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    default:
      patch.bytes[random() % patch.length] = static_cast<uint8_t>(random());
  }
}

}  // namespace

MountInput decode(std::span<const uint8_t> data) {
  MountInput input;
  if (data.empty()) return input;
  input.image = data[0];
  data = data.subspan(1);
  while (data.size() >= kHead && input.patches.size() < kMaxPatches) {
    Patch patch;
    patch.block = number16(&data[0]);
    patch.offset = number16(&data[2]);
    patch.kind = static_cast<Patch::Kind>((data[4] >> 4) % Patch::kKinds);
    patch.length = static_cast<uint8_t>((data[4] & 15) + 1);
    data = data.subspan(kHead);
    const size_t count = std::min(stored(patch), data.size());
    std::copy_n(data.begin(), count, patch.bytes.begin());
    data = data.subspan(count);
    input.patches.push_back(patch);
  }
  return input;
}

std::vector<uint8_t> encode(const MountInput& input) {
  std::vector<uint8_t> data = {input.image};
  for (const Patch& patch : input.patches) {
    for (const uint16_t value : {patch.block, patch.offset}) {
      data.push_back(static_cast<uint8_t>(value));
      data.push_back(static_cast<uint8_t>(value >> 8));
    }
    data.push_back(static_cast<uint8_t>(patch.kind << 4 | (patch.length - 1)));
    data.insert(data.end(), patch.bytes.begin(), patch.bytes.begin() + stored(patch));
  }
  return data;
}

void apply(const MountInput& input, const Metadata& metadata, std::span<std::byte> image) {
  const std::vector<Block>& blocks = metadata.blocks();
  std::set<size_t> touched;
  for (const Patch& patch : input.patches) {
    const size_t index = patch.block % blocks.size();
    const Block& block = blocks[index];
    const auto bytes = image.subspan(block.offset, block.size);
    const size_t size = patch.kind == Patch::kBytes ? patch.length : width(patch);
    const auto at = bytes.subspan(std::min<size_t>(patch.offset % block.size, block.size - size));
    uint64_t value = 0;
    touched.insert(index);
    switch (patch.kind) {
      case Patch::kBytes:
        std::memcpy(at.data(), patch.bytes.data(), size);
        break;
      case Patch::kAdd:
        std::memcpy(&value, at.data(), size);
        value += static_cast<uint64_t>(static_cast<int8_t>(patch.bytes[0]));
        std::memcpy(at.data(), &value, size);
        break;
      case Patch::kNumber:
        value = kNumbers[patch.bytes[0] % std::size(kNumbers)];
        std::memcpy(at.data(), &value, size);
        break;
      default: {
        const Block& from = blocks[number16(patch.bytes.data()) % blocks.size()];
        const size_t start = block.size - at.size();
        if (start < from.size)
          std::memmove(at.data(), &image[from.offset + start],
                       std::min<size_t>(at.size(), from.size - start));
      }
    }
  }
  for (const size_t index : touched) metadata.seal(image, blocks[index]);
}

void mutate(MountInput& input, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Patch>& patches = input.patches;
  const auto any = [&] { return random() % patches.size(); };
  switch (patches.empty() ? 0 : random() % 8) {
    case 0:
    case 1:
    case 2:
      if (patches.size() < kMaxPatches)
        patches.insert(patches.begin() + static_cast<long>(random() % (patches.size() + 1)),
                       random_patch(random));
      break;
    case 3:
      patches.erase(patches.begin() + static_cast<long>(any()));
      break;
    case 4: {  // the same somewhere near
      Patch again = patches[any()];
      change(again, random);
      if (patches.size() < kMaxPatches) patches.push_back(again);
      break;
    }
    case 5:
      if (random() % 4 == 0) input.image = static_cast<uint8_t>(random());
      [[fallthrough]];
    default:
      change(patches[any()], random);
  }
}

MountInput cross(const MountInput& one, const MountInput& other, uint32_t seed) {
  std::mt19937 random(seed);
  MountInput input = {.image = one.image, .patches = {}};
  for (const MountInput* parent : {&one, &other})
    for (const Patch& patch : parent->patches)
      if (random() % 2 && input.patches.size() < kMaxPatches) input.patches.push_back(patch);
  return input;
}

}  // namespace lkl_fuzz
