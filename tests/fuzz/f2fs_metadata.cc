// SPDX-License-Identifier: GPL-2.0
// Offsets are those of include/linux/f2fs_fs.h; the areas, Documentation/filesystems/f2fs.rst.
#include <algorithm>

#include "fuzz/metadata.h"

namespace lkl_fuzz {
namespace {

constexpr uint64_t kSuper = 1024;
constexpr uint32_t kBlock = 4096, kMagic = 0xf2f52010;
constexpr uint32_t kCheckpointStart = 76, kLogBlocksPerSegment = 20;
constexpr uint32_t kPackSize = 136, kChecksumOffset = 164, kChecksum = 4092;

// The common CRC-32, begun with the magic number and not inverted.
uint32_t checksum(std::span<const std::byte> bytes) {
  uint32_t crc = kMagic;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return crc;
}

class F2fsMetadata final : public Metadata {
 public:
  explicit F2fsMetadata(std::span<const std::byte> image) {
    const auto super = image.subspan(kSuper);
    const uint64_t first = uint64_t{get<uint32_t>(super, kCheckpointStart)} * kBlock;
    const uint64_t pack_room = uint64_t{kBlock} << get<uint32_t>(super, kLogBlocksPerSegment);
    for (const uint64_t pack : {first, first + pack_room})
      for (const uint64_t at : {pack, pack + last_of_pack(image, pack)})
        if (get<uint32_t>(image, at + kChecksumOffset) == kChecksum) checkpoints_.push_back(at);
    // What is all zeroes means nothing. Files are small here: most of the rest are nodes.
    for (uint64_t at = 0; at + kBlock <= image.size(); at += kBlock) {
      const auto block = image.subspan(at, kBlock);
      if (!std::ranges::all_of(block, [](std::byte b) { return b == std::byte{0}; }))
        blocks_.push_back({at, kBlock});
    }
  }

  // Of all that mkfs makes only checkpoints have one.
  void seal(std::span<std::byte> image, const Block& block) const override {
    if (!std::ranges::count(checkpoints_, block.offset)) return;
    const auto bytes = image.subspan(block.offset, block.size);
    put<uint32_t>(bytes, kChecksum, checksum(bytes.first(kChecksum)));
  }

 private:
  // A pack ends with what it began with.
  static uint64_t last_of_pack(std::span<const std::byte> image, uint64_t pack) {
    const uint32_t blocks = get<uint32_t>(image, pack + kPackSize);
    return blocks == 0 ? 0 : uint64_t{blocks - 1} * kBlock;
  }

  std::vector<uint64_t> checkpoints_;
};

}  // namespace

std::unique_ptr<Metadata> f2fs_metadata(std::span<const std::byte> image) {
  return std::make_unique<F2fsMetadata>(image);
}

}  // namespace lkl_fuzz
