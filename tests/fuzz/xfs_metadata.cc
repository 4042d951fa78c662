// SPDX-License-Identifier: GPL-2.0
// Structures and offsets are those of "XFS Algorithms & Data Structures", version 5 of the format.
#include <algorithm>
#include <array>
#include <optional>

#include "fuzz/crc32c.h"
#include "fuzz/metadata.h"

namespace lkl_fuzz {
namespace {

constexpr uint32_t kSector = 512;
constexpr uint32_t kHeads = 4;  // sectors that an allocation group begins with

// Numbers of XFS are big endian, but checksums.
template <typename T>
T big(std::span<const std::byte> bytes, uint64_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof value; ++i)
    value = static_cast<T>(value << 8 | static_cast<uint8_t>(bytes[offset + i]));
  return value;
}

constexpr uint32_t magic(const char (&text)[5]) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(text[i]);
  return value;
}

// What begins with a number that says what it is, and where its checksum is. The heads of an
// allocation group are a sector each, all else is a block.
struct Kind {
  uint32_t magic;
  uint32_t checksum;
  bool sector = false;
};
constexpr auto kKinds = std::to_array<Kind>({
    {magic("XFSB"), 224, true},
    {magic("XAGF"), 216, true},
    {magic("XAGI"), 312, true},
    {magic("XAFL"), 32, true},
    // trees of an allocation group: free space by number and by size, inodes, free inodes,
    // owners, reference counts
    {magic("AB3B"), 52},
    {magic("AB3C"), 52},
    {magic("IAB3"), 52},
    {magic("FIB3"), 52},
    {magic("RMB3"), 52},
    {magic("R3FC"), 52},
    // extents of a file
    {magic("BMA3"), 64},
    // folders: one block, data, free space
    {magic("XDB3"), 4},
    {magic("XDD3"), 4},
    {magic("XDF3"), 4},
    // targets of symbolic links, values of attributes
    {magic("XSLM"), 12},
    {magic("XARM"), 12},
});
// Leaves and nodes of folders and attributes say it after the numbers of their neighbours.
constexpr auto kLeafMagics = std::to_array<uint16_t>({0x3df1, 0x3dff, 0x3ebe, 0x3bee});
constexpr uint32_t kLeafMagic = 8, kLeafChecksum = 12;

constexpr uint16_t kInodeMagic = 0x494e;
constexpr uint32_t kInodeMode = 2, kInodeChecksum = 100;

class XfsMetadata final : public Metadata {
 public:
  explicit XfsMetadata(std::span<const std::byte> image) {
    block_size_ = big<uint32_t>(image, 4);
    const uint32_t inode_size = big<uint16_t>(image, 104);
    const uint64_t group_size = uint64_t{big<uint32_t>(image, 84)} * block_size_;
    for (uint64_t at = 0; at + block_size_ <= image.size(); at += block_size_) {
      if (at % group_size == 0) {
        for (uint64_t head = at; head < at + kHeads * kSector; head += kSector)
          add(image, {head, kSector});
        continue;
      }
      if (big<uint16_t>(image, at) != kInodeMagic) {
        add(image, {at, block_size_});
        continue;
      }
      for (uint64_t inode = at; inode < at + block_size_; inode += inode_size)
        if (big<uint16_t>(image, inode + kInodeMode) != 0) add(image, {inode, inode_size});
    }
  }

  void seal(std::span<std::byte> image, const Block& block) const override {
    const auto bytes = image.subspan(block.offset, block.size);
    // where it was: the number that says so may have been changed
    const auto found = std::ranges::lower_bound(blocks_, block.offset, {}, &Block::offset);
    const uint32_t at = checksums_[static_cast<size_t>(found - blocks_.begin())];
    put<uint32_t>(bytes, at, checksum(bytes, at));
  }

 private:
  void add(std::span<const std::byte> image, const Block& block) {
    const auto bytes = image.subspan(block.offset, block.size);
    const std::optional<uint32_t> at = place_of_checksum(bytes);
    // or it is a file that looks like it
    if (!at || get<uint32_t>(bytes, *at) != checksum(bytes, *at)) return;
    blocks_.push_back(block);
    checksums_.push_back(*at);
  }

  static std::optional<uint32_t> place_of_checksum(std::span<const std::byte> bytes) {
    const auto kind = std::ranges::find(kKinds, big<uint32_t>(bytes, 0), &Kind::magic);
    if (kind != kKinds.end() && kind->sector == (bytes.size() == kSector)) return kind->checksum;
    if (big<uint16_t>(bytes, 0) == kInodeMagic) return kInodeChecksum;
    if (std::ranges::count(kLeafMagics, big<uint16_t>(bytes, kLeafMagic))) return kLeafChecksum;
    return std::nullopt;
  }

  // Of the whole, the checksum itself counting as zero.
  static uint32_t checksum(std::span<const std::byte> bytes, uint32_t at) {
    constexpr std::array<std::byte, 4> kZero = {};
    uint32_t crc = crc32c(~0u, bytes.first(at));
    crc = crc32c(crc, kZero);
    return ~crc32c(crc, bytes.subspan(at + kZero.size()));
  }

  uint32_t block_size_;
  std::vector<uint32_t> checksums_;  // where each of the blocks has its own
};

}  // namespace

std::unique_ptr<Metadata> xfs_metadata(std::span<const std::byte> image) {
  return std::make_unique<XfsMetadata>(image);
}

}  // namespace lkl_fuzz
