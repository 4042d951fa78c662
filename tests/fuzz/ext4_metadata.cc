// SPDX-License-Identifier: GPL-2.0
// Offsets are those of Documentation/filesystems/ext4.
#include <algorithm>

#include "fuzz/crc32c.h"
#include "fuzz/metadata.h"

namespace lkl_fuzz {
namespace {

constexpr uint64_t kSuper = 1024;
constexpr uint32_t kUnit = 1024;  // the smallest block there is
constexpr uint32_t kMetadataCsum = 0x400, k64Bit = 0x80;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

class Ext4Metadata final : public Metadata {
 public:
  explicit Ext4Metadata(std::span<const std::byte> image) {
    const auto super = image.subspan(kSuper, kUnit);
    block_size_ = 1024u << get<uint32_t>(super, 0x18);
    inodes_per_group_ = get<uint32_t>(super, 0x28);
    inode_size_ = get<uint16_t>(super, 0x58);
    checksums_ = get<uint32_t>(super, 0x64) & kMetadataCsum;
    const uint64_t blocks = get<uint32_t>(super, 0x04);
    const uint64_t per_group = get<uint32_t>(super, 0x20);
    const uint64_t groups = (blocks - get<uint32_t>(super, 0x14) + per_group - 1) / per_group;
    descriptor_size_ = get<uint32_t>(super, 0x60) & k64Bit ? get<uint16_t>(super, 0xfe) : 32;
    descriptors_ = (get<uint32_t>(super, 0x14) + 1) * uint64_t{block_size_};
    seed_ = crc32c(~0u, super.subspan(0x68, 16));
    for (uint64_t group = 0; group < groups; ++group) {
      const uint64_t at = descriptors_ + group * descriptor_size_;
      inode_tables_.push_back(uint64_t{get<uint32_t>(image, at + 8)} * block_size_);
    }
    // What is all zeroes means nothing: bitmaps of free blocks, unused inodes, the journal.
    for (uint64_t at = kSuper; at + kUnit <= image.size(); at += kUnit) {
      if (!is_zero(image.subspan(at, kUnit))) blocks_.push_back({at, kUnit});
    }
  }

  void seal(std::span<std::byte> image, const Block& block) const override {
    if (!checksums_) return;
    if (block.offset == kSuper) {
      const auto super = image.subspan(kSuper, kUnit);
      put<uint32_t>(super, 0x3fc, crc32c(~0u, super.first(0x3fc)));
    }
    const uint64_t end = block.offset + block.size;
    for (uint32_t group = 0; group < inode_tables_.size(); ++group) {
      const uint64_t descriptor = descriptors_ + uint64_t{group} * descriptor_size_;
      if (descriptor >= block.offset && descriptor + descriptor_size_ <= end)
        seal_descriptor(image.subspan(descriptor, descriptor_size_), group);
      const uint64_t table = inode_tables_[group];
      const uint64_t table_end = table + uint64_t{inodes_per_group_} * inode_size_;
      for (uint64_t at = block.offset; at < end && at >= table && at < table_end; at += inode_size_)
        seal_inode(
            image.subspan(at, inode_size_),
            group * inodes_per_group_ + static_cast<uint32_t>((at - table) / inode_size_) + 1);
    }
  }

 private:
  uint32_t seeded(uint32_t seed, uint32_t value) const {
    std::byte bytes[4];
    put<uint32_t>(bytes, 0, value);
    return crc32c(seed, bytes);
  }
  void seal_descriptor(std::span<std::byte> descriptor, uint32_t group) const {
    put<uint16_t>(descriptor, 0x1e, 0);
    put<uint16_t>(descriptor, 0x1e,
                  static_cast<uint16_t>(crc32c(seeded(seed_, group), descriptor)));
  }
  void seal_inode(std::span<std::byte> inode, uint32_t number) const {
    if (is_zero(inode)) return;  // never used
    const bool high = inode_size_ > 128 && get<uint16_t>(inode, 0x80) >= 4;
    put<uint16_t>(inode, 0x7c, 0);
    if (high) put<uint16_t>(inode, 0x82, 0);
    const uint32_t crc = crc32c(seeded(seeded(seed_, number), get<uint32_t>(inode, 0x64)), inode);
    put<uint16_t>(inode, 0x7c, static_cast<uint16_t>(crc));
    if (high) put<uint16_t>(inode, 0x82, static_cast<uint16_t>(crc >> 16));
  }

  uint32_t block_size_, inodes_per_group_, inode_size_, descriptor_size_, seed_;
  uint64_t descriptors_;
  bool checksums_;
  std::vector<uint64_t> inode_tables_;
};

}  // namespace

std::unique_ptr<Metadata> ext4_metadata(std::span<const std::byte> image) {
  return std::make_unique<Ext4Metadata>(image);
}

}  // namespace lkl_fuzz
